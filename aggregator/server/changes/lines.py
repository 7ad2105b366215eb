"""The lines in which two texts differ, and what takes secrets out of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from difflib import unified_diff

from aggregator.telemetry.redaction import MASK, Masker, redact_text

_MOST_COMPARED = 3000
"""Lines of a file between the first and the last that differ; of more all are told as removed, and as added."""
_CONTEXT = 3
_NAME = re.compile(r"(?<![\w.-])[\w.-]++\\?[\"']?[^\S\n]*+:[^\S\n]*+")
"""A name and what divides it from its value.

Lines may be as long as a file: a name is tried from its beginning alone, and nothing is read twice (the possessive
quantifiers of `re`), so that the time grows as the line does.
"""
_SECRET_NAME = re.compile(
    r"(?i)secret|passw|passphrase|token|bearer|credential|api[-_]?key|private[-_]?key|authorization|cookie"
)
_VALUE = re.compile(
    r"\"(?:[^\"\\\n]++|\\.)*+\"?|'(?:[^'\n]++|'')*+'?|\[(?!\s*[\[{$])[^\]\n]*+\]?|(?![\s$\[{|>])[^,}\]#\n]++"
)
"""A value in its line, of which the end may stand in another; neither a reference to a variable nor a mapping."""
_FRAME = re.compile(r"\s*\d+ \|")
"""How a line of a file begins in a report."""
_QUOTED = re.compile(r"`([^`\n]*)`")
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
    """Return what takes *secrets* out of lines of a file, each line of a longer one, and what looks like some."""
    known = _known(secrets)
    return lambda text: "".join(_without_members(known(text)))


def veil_report(secrets: frozenset[str]) -> Callable[[str], str]:
    """Return what does as ``veil`` to a report on files: to its frames, and to what our own words quote.

    Our words may name a thing and go on after a colon; what they tell is no value.
    """
    known = _known(secrets)

    def veiled(line: str) -> str:
        if _FRAME.match(line):
            return "".join(_without_members(line))
        return _QUOTED.sub(lambda quoted: f"`{''.join(_without_members(quoted[1]))}`", line)

    return lambda text: "".join([veiled(line) for line in known(text).splitlines(keepends=True)])


def _known(secrets: frozenset[str]) -> Callable[[str], str]:
    pieces = {piece.strip() for secret in secrets if "\n" in secret for piece in secret.splitlines()}
    masker = Masker({*secrets, *(piece for piece in pieces if len(piece) >= _SHORTEST_PIECE)})
    return lambda text: redact_text(masker(text))


def _without_members(text: str) -> Iterator[str]:
    """Yield the pieces of *text*, with a mask in place of each value whose name is that of a secret."""
    end = 0
    for name in _NAME.finditer(text):
        if name.start() < end or not _SECRET_NAME.search(name[0]):
            continue
        if value := _VALUE.match(text, name.end()):
            yield text[end : value.start()]
            yield MASK
            end = value.end()
    yield text[end:]
