"""The lines in which two texts differ, and what takes secrets out of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from difflib import unified_diff

from aggregator.telemetry.redaction import MASK, Masker, redact_text

_MOST_COMPARED = 3000
"""Lines of a file between the first and the last that differ; of more all are told as removed, and as added."""
_CONTEXT = 3
_SECRET_MEMBER = re.compile(
    r"(?i)([\w.-]*(?:secret|passw|token|credential|api[-_]?key|private[-_]?key|authorization|cookie)[\w.-]*[\"']?\s*:\s*)"
    r"(?![\s$\[{|>])(\"[^\"]*\"|'[^']*'|[^,}\]#\n]+)"
)
_SHORTEST_PIECE = 8


def lines_between(before: str, after: str) -> Iterator[str]:
    """Yield the lines of a unified difference without its head; what is equal at both ends is not compared."""
    if before == after:
        return
    old, new = before.splitlines(), after.splitlines()
    first = _alike(old, new)
    last = min(_alike(old[::-1], new[::-1]), len(old) - first, len(new) - first)
    if max(len(old), len(new)) - first - last > _MOST_COMPARED:
        yield from (f" {line}" for line in old[max(0, first - _CONTEXT) : first])
        yield from (f"-{line}" for line in old[first : len(old) - last])
        yield from (f"+{line}" for line in new[first : len(new) - last])
        yield from (f" {line}" for line in old[len(old) - last :][:_CONTEXT])
        return
    head, tail = max(0, first - _CONTEXT), max(0, last - _CONTEXT)
    old, new = old[head : len(old) - tail], new[head : len(new) - tail]
    for line in list(unified_diff(old, new, n=_CONTEXT, lineterm=""))[2:]:
        yield "…" if line.startswith("@@") else line


def _alike(old: Sequence[str], new: Sequence[str]) -> int:
    """Return how many lines are equal at the beginning."""
    pairs = enumerate(zip(old, new, strict=False))
    return next((number for number, (one, other) in pairs if one != other), min(len(old), len(new)))


def veil(secrets: frozenset[str]) -> Callable[[str], str]:
    """Return what takes *secrets* out of a text, each line of one that has several, and values that look like some."""
    pieces = {piece.strip() for secret in secrets if "\n" in secret for piece in secret.splitlines()}
    masker = Masker({*secrets, *(piece for piece in pieces if len(piece) >= _SHORTEST_PIECE)})
    return lambda text: _SECRET_MEMBER.sub(rf"\g<1>{MASK}", redact_text(masker(text)))
