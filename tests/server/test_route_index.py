"""The index: which endpoint a path and a method lead to, whatever else is declared beside it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.errors import ExpressionError
from aggregator.server.routing.index import RouteIndex
from aggregator.templates import PathPattern, compile_pattern


def index(*keys: str) -> RouteIndex[str]:
    """Return an index of ``METHOD /path`` keys, each leading to itself."""
    return RouteIndex((key.split()[0], compile_pattern(key.split()[1]), key) for key in keys)


@pytest.mark.parametrize(
    ("path", "found"),
    [
        (b"/users/me", ("GET /users/me", ())),
        (b"/users/7", ("GET /users/{id}", (b"7",))),
        (b"/users/a%2Fb", ("GET /users/{id}", (b"a%2Fb",))),
        (b"/users/7/orders", ("GET /users/{id}/orders", (b"7",))),
        (b"/files/a/b%20c", ("GET /files/{rest:path}", (b"a/b%20c",))),
        (b"/u%73ers/me", ("GET /users/me", ())),
        (b"/", ("GET /", ())),
        (b"/users", None),
        (b"/users/", None),
        (b"/users/7/", None),
        (b"/USERS/me", None),
        (b"/files", None),
        (b"/files/", None),
        (b"/files/.well-known/x", ("GET /files/{rest:path}", (b".well-known/x",))),
        (b"/files/a/", ("GET /files/{rest:path}", (b"a/",))),
        (b"/files/a/b/", ("GET /files/{rest:path}", (b"a/b/",))),
        (b"/users/m%2565", ("GET /users/{id}", (b"m%2565",))),
        (b"users/me", None),
        (b"*", None),
        (b"", None),
    ],
)
def test_a_literal_beats_a_parameter_beats_the_rest(path: bytes, found: tuple[str, tuple[bytes, ...]] | None) -> None:
    """The most specific pattern answers; a parameter is one canonical segment, never empty."""
    routes = index("GET /", "GET /users/me", "GET /users/{id}", "GET /users/{id}/orders", "GET /files/{rest:path}")
    assert routes.find("GET", path) == found


@pytest.mark.parametrize("path", [b"/users/..", b"/users/%2e%2e/x", b"//users", b"/users//x", b"/u/%zz", b"/users/."])
def test_a_path_that_is_not_well_formed(path: bytes) -> None:
    """Dot segments, empty segments and broken escapes lead nowhere, however they are written."""
    with pytest.raises(ExpressionError):
        index("GET /users/{id}", "GET /users/{id}/x", "GET /{rest:path}").find("GET", path)


@pytest.mark.parametrize(
    ("path", "found"),
    [
        (b"/a/b/c", "GET /a/b/{z}"),
        (b"/a/x/c", "GET /a/{y}/c"),
        (b"/x/b/c", "GET /{x}/b/c"),
        (b"/a/x/y", "GET /a/{rest:path}"),
        (b"/x/y/c", "GET /{x}/{y}/c"),
        (b"/x/y/z", "GET /{rest:path}"),
        (b"/a/b/c/d", "GET /a/{rest:path}"),
        (b"/a/b/c/d/e/f", "GET /a/{rest:path}"),
        (b"/%61/%62/c", "GET /a/b/{z}"),
        (b"/x", "GET /{rest:path}"),
    ],
)
def test_the_first_difference_decides(path: bytes, found: str) -> None:
    """Of patterns that match, the one that is more specific at the leftmost place where they differ answers."""
    keys = ("/{rest:path}", "/a/{rest:path}", "/{x}/{y}/c", "/{x}/b/c", "/a/{y}/c", "/a/b/{z}", "/q/b/c")
    match = index(*(f"GET {key}" for key in keys)).find("GET", path)
    assert match is not None
    assert match[0] == found


def test_a_literal_written_otherwise_still_beats_a_parameter() -> None:
    """``/users/m%65`` is ``/users/me``, also where a parameter would take it as it came."""
    assert index("GET /users/{id}", "GET /users/me").find("GET", b"/users/m%65") == ("GET /users/me", ())


def test_a_slash_inside_a_literal_is_not_one_between_two() -> None:
    """``/a%2Fb/c`` and ``/a/b/c`` are two paths."""
    routes = index("GET /a%2Fb/c", "GET /a/b%2Fc", "GET /a/b/c")
    assert [routes.find("GET", path) for path in (b"/a%2fb/c", b"/a/b%2fc", b"/a/b/c")] == [
        ("GET /a%2Fb/c", ()), ("GET /a/b%2Fc", ()), ("GET /a/b/c", ()),
    ]  # fmt: skip


def test_a_slash_at_the_end_is_part_of_a_path() -> None:
    """``/a`` and ``/a/`` are two paths, and neither slash is a parameter."""
    routes = index("GET /", "GET /a", "GET /b/", "GET /c/{x}", "GET /d/{x}/{y}", "GET /e/{x}/")
    for path in (b"/a/", b"/b", b"/c/", b"/d/1/", b"/e/1"):
        assert routes.find("GET", path) is None, path
    assert routes.find("GET", b"/b/") == ("GET /b/", ())
    assert routes.find("GET", b"/e/1/") == ("GET /e/{x}/", (b"1",))


def test_a_method_that_only_a_wider_pattern_declares() -> None:
    """``POST /users/me`` is answered by ``POST /users/{id}`` although ``GET /users/me`` is nearer."""
    routes = index("GET /users/me", "POST /users/{id}", "PUT /{rest:path}")
    assert routes.find("POST", b"/users/me") == ("POST /users/{id}", (b"me",))
    assert routes.find("PUT", b"/users/me") == ("PUT /{rest:path}", (b"users/me",))
    assert sorted(routes.methods(b"/users/me")) == ["GET", "HEAD", "POST", "PUT"]
    assert routes.find("DELETE", b"/users/me") is None


def test_head_follows_from_get() -> None:
    """HEAD is answered by its own endpoint if there is one, otherwise by GET."""
    assert index("GET /a").find("HEAD", b"/a") == ("GET /a", ())
    assert index("HEAD /a", "GET /a").find("HEAD", b"/a") == ("HEAD /a", ())
    assert index("GET /a", "HEAD /a").find("HEAD", b"/a") == ("HEAD /a", ())
    assert index("GET /a/b", "HEAD /a/{x}").find("HEAD", b"/a/b") == ("GET /a/b", ())
    assert index("POST /a").find("HEAD", b"/a") is None


def test_no_endpoint_at_all() -> None:
    """An empty index knows no path."""
    assert index().find("GET", b"/") is None
    assert index().methods(b"/") == []


_WORDS = st.sampled_from(["a", "b", "{p}", "{q}", "{rest:path}"])
_PATTERNS = st.lists(_WORDS, max_size=4).map(
    lambda words: [word for word in words[:-1] if "rest" not in word] + words[-1:]
)


@pytest.mark.long
@given(st.lists(_PATTERNS, max_size=8), st.lists(st.sampled_from([b"a", b"b", b"c"]), max_size=5))
def test_the_index_gives_what_comparing_with_every_pattern_gives(declared: list[list[str]], words: list[bytes]) -> None:
    """Whatever is declared, the match is the one that is nearest when all patterns are tried one after another."""
    keys = [f"GET /{'/'.join(_unlike(pattern))}" for pattern in declared]
    routes = RouteIndex(("GET", compile_pattern(key[4:]), compile_pattern(key[4:]).shape) for key in keys)
    found = routes.find("GET", b"/" + b"/".join(words))
    nearest = min(filter(None, (_nearness(compile_pattern(key[4:]), words) for key in keys)), default=None)
    assert (None if found is None else found[0]) == (None if nearest is None else nearest[1])


def _unlike(words: list[str]) -> list[str]:
    """Return every parameter of *words* another name."""
    return [word.replace("p}", f"p{place}}}").replace("q}", f"q{place}}}") if "rest" not in word else word
            for place, word in enumerate(words)]  # fmt: skip


def _nearness(pattern: PathPattern, words: list[bytes]) -> tuple[list[int], Any] | None:
    """Return how near *pattern* is to *words* (less is nearer) and its shape; None when it does not match."""
    wild = pattern.wildcard is not None
    if not (len(words) >= len(pattern.segments) if wild else len(words) == len(pattern.segments)):
        return None
    if any(isinstance(part, bytes) and part != word for part, word in zip(pattern.segments, words, strict=False)):
        return None
    return [0 if isinstance(part, bytes) else 2 if part.rest else 1 for part in pattern.segments], pattern.shape
