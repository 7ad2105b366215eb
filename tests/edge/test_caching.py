"""What an answer says to caches: whom a field speaks to, and what is left of it for one caller."""

from __future__ import annotations

import pytest

from aggregator.edge.caching import is_for_shared_caches, is_of_caches, is_targeted, private_field


@pytest.mark.parametrize(
    ("name", "targeted", "of_caches"),
    [
        (b"cache-control", False, True),
        (b"cdn-cache-control", True, True),
        (b"vercel-cdn-cache-control", True, True),
        (b"surrogate-control", True, True),
        (b"x-accel-expires", True, True),
        (b"expires", False, False),
        (b"x-cache-controlled", False, False),
    ],
)
def test_whom_a_field_speaks_to(name: bytes, targeted: bool, of_caches: bool) -> None:
    """All caches, shared ones alone, or none."""
    assert (is_targeted(name), is_of_caches(name)) == (targeted, of_caches)


@pytest.mark.parametrize(
    ("value", "private"),
    [
        (b"", b"private"),
        (b"max-age=60", b"private, max-age=60"),
        (b"public, max-age=60, s-maxage=600, proxy-revalidate", b"private, max-age=60"),
        (b"Public,\tMAX-AGE = 60 ,must-revalidate", b"private, MAX-AGE = 60, must-revalidate"),
        (b'private="set-cookie, x", no-cache="a,b"', b'private, no-cache="a,b"'),
        (b"no-store", b"no-store"),
        (b"public, No-Store, max-age=1", b"No-Store, max-age=1"),
    ],
)
def test_what_is_left_for_one_caller(value: bytes, private: bytes) -> None:
    """Without what shared caches are told; `no-store` says more than `private` does."""
    assert private_field(value) == private


@pytest.mark.parametrize(
    ("name", "value", "authorized", "elsewhere"),
    [
        ("cache-control", "max-age=60", False, True),
        ("cache-control", "public", True, True),
        ("cache-control", "S-MaxAge=60", True, True),
        ("cache-control", "must-revalidate, max-age=60", True, True),
        ("cache-control", "public, private", False, False),
        ("cache-control", "public, no-store", False, False),
        ("cache-control", "no-cache", False, False),
        ("cache-control", "", False, False),
        ("cdn-cache-control", "max-age=60", True, True),
        ("cdn-cache-control", "private, max-age=60", False, False),
        ("x-accel-expires", "60", True, True),
        ("x-accel-expires", "@1800000000", True, True),
        ("x-accel-expires", " 0 ", False, False),
    ],
)
def test_what_lets_a_shared_cache_answer_others(name: str, value: str, authorized: bool, elsewhere: bool) -> None:
    """With a credential in ``Authorization``, and with one in another place, of which caches know nothing."""
    found = [is_for_shared_caches(name, value, authorized=is_it) for is_it in (True, False)]
    assert found == [authorized, elsewhere]
