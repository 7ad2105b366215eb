"""JSON pointers to what is wrong (RFC 6901), of which nobody makes a long answer."""

from __future__ import annotations

import pytest

from aggregator.schemas.problems import pointer_to


@pytest.mark.parametrize(
    ("path", "pointer"),
    [
        ((), ""),
        (("a", 0, "b"), "/a/0/b"),
        (("a/b", "c~d", "~1"), "/a~1b/c~0d/~01"),
        (("",), "/"),
        (("k" * 64,), "/" + "k" * 64),
        (("k" * 65,), "/" + "k" * 63 + "…"),
    ],
)
def test_pointers(path: tuple[str | int, ...], pointer: str) -> None:
    """Slashes and tildes are escaped, and a key of more than 64 characters is cut to as many."""
    assert pointer_to(path) == pointer


def test_how_long_a_key_may_be() -> None:
    """It can be said."""
    assert pointer_to(("abcd", "abcde"), longest=4) == "/abcd/abc…"
