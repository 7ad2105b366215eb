"""ETag, If-None-Match, Vary and the Cache-Control of an answer made of parts."""

from __future__ import annotations

import pytest

from aggregator.codecs.cache_control import combine, parse_cache_control
from aggregator.codecs.etag import add_vary, etag_of, if_none_match


def test_entity_tags_follow_the_bytes() -> None:
    """Same bytes, same tag; a tag is 128 bits in quotes."""
    assert etag_of(b"a") == etag_of(b"a") != etag_of(b"b")
    assert len(etag_of(b"")) == 34


@pytest.mark.parametrize(
    ("header", "matches"),
    [
        (b'"x"', True),
        (b'W/"x"', True),
        (b'"a", W/"b" , "x"', True),
        (b'"a",,"x"', True),
        (b"*", True),
        (b" * ", True),
        (b'"y"', False),
        (b'"a,x"', False),
        (b'"X"', False),
        (b"x", False),
        (b"", False),
        (b'"x', False),
        (b'junk "x"', False),
        (b'"a" junk, "x"', False),
        (b" , ", False),
    ],
)
def test_if_none_match_is_read(header: bytes, matches: bool) -> None:
    """Weak comparison over a list; a header that cannot be read gets the whole answer."""
    assert if_none_match(header, b'"x"') is matches
    assert if_none_match(header, b'W/"x"') is matches


@pytest.mark.parametrize(
    ("existing", "names", "vary"),
    [
        (None, (b"accept",), b"accept"),
        (b"Origin", (b"accept",), b"Origin, accept"),
        (b"Accept, Origin", (b"accept",), b"Accept, Origin"),
        (b"*", (b"accept",), b"*"),
        (b"", (), b""),
    ],
)
def test_vary_grows_without_repeating(existing: bytes | None, names: tuple[bytes, ...], vary: bytes) -> None:
    """Names are added once, whatever their case."""
    assert add_vary(existing, *names) == vary


@pytest.mark.parametrize(
    ("parts", "combined"),
    [
        ([b"max-age=60", b"max-age=5"], b"max-age=5"),
        ([b"public, max-age=60", b"public, max-age=5"], b"public, max-age=5"),
        ([b"public, max-age=60", b"max-age=5"], b"max-age=5"),
        ([b"max-age=60", b"private, max-age=90"], b"private, max-age=60"),
        ([b"max-age=60", b"no-store"], b"no-store"),
        ([None, b"no-store"], b"no-store"),
        ([b"max-age=60", b"no-cache"], b"no-cache"),
        ([b"max-age=60", None], None),
        ([b"private, max-age=60", None], b"private"),
        ([b"max-age=60, must-revalidate", b"max-age=70"], b"must-revalidate, max-age=60"),
        ([b"s-maxage=30, max-age=10", b"max-age=20"], b"max-age=10, s-maxage=20"),
        ([b"private, s-maxage=30, max-age=10"], b"private, max-age=10"),
        ([b"s-maxage=30", b"public"], None),
        ([b"max-age=9, stale-if-error=60", b"max-age=9, stale-if-error=30"], b"max-age=9, stale-if-error=30"),
        ([b"max-age=9, stale-if-error=60", b"max-age=9"], b"max-age=9"),
        ([b"max-age=x", b"max-age=9"], b"max-age=0"),
        ([b"max-age=5, max-age=9"], b"max-age=0"),
        ([b"max-age=99999999999999999999999"], b"max-age=0"),
        ([b"max-age=9999999999"], b"max-age=2147483648"),
        ([b"max-age=" + b"9" * 19], b"max-age=2147483648"),
        ([b"max-age=" + b"9" * 20], b"max-age=0"),
        ([b"max-age=2147483647"], b"max-age=2147483647"),
        ([b"s-maxage=30", b"max-age=20"], b"s-maxage=20"),
        ([b"stale-if-error=60, stale-while-revalidate=9"], b"stale-while-revalidate=9, stale-if-error=60"),
        ([b"no-transform", b"must-understand, proxy-revalidate"], b"proxy-revalidate, no-transform, must-understand"),
        ([b'private="set-cookie, x", max-age=5'], b"private, max-age=5"),
        ([b'MAX-AGE="7"'], b"max-age=7"),
        ([b"public, private, max-age=5"], b"private, max-age=5"),
        ([b"immutable"], None),
        ([b", ,"], None),
        ([], None),
    ],
)
def test_the_answer_is_as_strict_as_its_strictest_part(parts: list[bytes | None], combined: bytes | None) -> None:
    """Never fresher, never more public than any part; a silent part allows no lifetime."""
    assert combine(parts) == combined


def test_the_age_of_a_part_is_already_spent() -> None:
    """A part that was 50 of its 60 seconds in a cache gives 10; one that is too old gives none."""
    assert combine([b"max-age=60", b"max-age=40, s-maxage=70"], [b"50", None]) == b"max-age=10, s-maxage=10"
    assert combine([b"max-age=60"], [b" 90 "]) == b"max-age=0"
    assert combine([b"max-age=60, stale-if-error=9"], [b"59"]) == b"max-age=1, stale-if-error=9"


def test_the_age_that_an_answer_tells_is_not_taken_off_twice() -> None:
    """Whoever reads the answer takes it off again; what is no age is none."""
    assert combine([b"max-age=60, s-maxage=90"], [b"50"], b"7") == b"max-age=17, s-maxage=47"
    assert combine([b"max-age=60"], [b"50"], b"x") == b"max-age=10"


def test_hostile_cache_control_takes_no_time() -> None:
    """Long headers are read in one pass."""
    for junk in (b'"' * 60_000, b'"a' * 30_000, b" " * 60_000, b"a=" * 30_000):
        assert parse_cache_control(junk) is not None
