"""The Cache-Control of an aggregate from those of its parts: never fresher, never more public than any part.

Terms are those of RFC 9111 §5.2.2; called once for an answer whose endpoint declares it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

_QUOTED = re.compile(r'"([^"]*)"')
_MAX_SECONDS = 2**31
_LONGEST_KEPT = 256
_IF_ANY = ("must-revalidate", "proxy-revalidate", "no-transform", "must-understand")
_IF_ALL = ("public",)
_STALE = ("stale-while-revalidate", "stale-if-error")

Directives = dict[str, str]
"""Directives by name in lower case, with their argument or the empty text."""


def combine(
    values: Sequence[bytes | None], ages: Sequence[bytes | None] = (), age: bytes | None = None
) -> bytes | None:
    """Return the Cache-Control of an answer whose parts came with *values* and Age headers *ages*.

    ``no-store`` wins over everything, then ``private`` and ``no-cache``; ``max-age`` and ``s-maxage`` are the
    smallest, each less the Age of its part, and more by the *age* that the answer itself tells, so that none is taken
    off twice. Where a part states nothing (None), only restrictions remain. None when nothing is left to state.
    """
    parts = [parse_cache_control(value) for value in values if value is not None]
    if any("no-store" in part for part in parts):
        return b"no-store"
    stated = [name for name in ("private", "no-cache", *_IF_ANY) if any(name in part for part in parts)]
    if parts and len(parts) == len(values):
        shared = "private" not in stated
        stated += [name for name in _IF_ALL if shared and all(name in part for part in parts)]
        stated += _lifetimes(parts, [_seconds(age) for age in ages] or [0] * len(parts), shared, _seconds(age))
    return ", ".join(stated).encode() or None


def parse_cache_control(header: bytes) -> Directives:
    """Return the directives of *header*; one that comes twice with different arguments loses its argument.

    The result may be shared: do not change it.
    """
    return _parse(header) if len(header) <= _LONGEST_KEPT else _parse.__wrapped__(header)


@lru_cache(maxsize=256)
def _parse(header: bytes) -> Directives:
    directives: Directives = {}
    text = _QUOTED.sub(lambda found: found[1].replace(",", " "), header.decode("latin-1"))
    for element in text.split(","):
        name, _, argument = element.partition("=")
        name, argument = name.strip().lower(), argument.strip()
        if name:
            directives[name] = argument if directives.get(name, argument) == argument else ""
    return directives


def _lifetimes(parts: list[Directives], ages: list[int], shared: bool, age: int) -> list[str]:
    """Return the smallest of every lifetime that each part states; *shared* ones only for a public answer."""
    least = _least(parts, ages, ("max-age",))
    limits = [] if least is None else [f"max-age={least + age}"]
    if shared and any("s-maxage" in part for part in parts):
        least = _least(parts, ages, ("s-maxage", "max-age"))
        limits += [f"s-maxage={least + age}"] if least is not None else []
    for name in _STALE:
        least = _least(parts, [0] * len(parts), (name,))
        limits += [f"{name}={least}"] if least is not None else []
    return limits


def _least(parts: list[Directives], ages: list[int], names: tuple[str, ...]) -> int | None:
    """Return the smallest remaining lifetime, for each part by the first of *names* that it states."""
    stated = [next((part[name] for name in names if name in part), None) for part in parts]
    if None in stated:
        return None
    return min(max(0, _seconds(text) - age) for text, age in zip(stated, ages, strict=True))


def _seconds(text: str | bytes | None) -> int:
    """Return delta-seconds; what cannot be read counts as zero, which is stale (RFC 9111 §4.2.1)."""
    digits = text.decode("latin-1").strip() if isinstance(text, bytes) else text or ""
    return min(int(digits), _MAX_SECONDS) if digits.isascii() and digits.isdigit() and len(digits) < 20 else 0
