"""The samples of several scrapes, added up.

Workers send the text that ``telemetry.metrics.exposition`` writes, so it is read by its lines.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from aggregator.telemetry.metrics import families
from aggregator.telemetry.metrics.exposition import labels_text
from aggregator.telemetry.metrics.families import FAMILIES, Family

HIGHEST: Final = frozenset({
    families.BREAKERS, families.PRESSURE, families.GENERATION, families.LOADED, families.REFUSED, families.CONFIG,
    families.BUILD, families.LAG, families.OPEN_FILES, families.MAX_FILES, families.EFFECTS_BROKEN, families.EFFECTS,
    families.EFFECTS_SLOW,
})  # fmt: skip
"""Gauges of which the highest of a worker tells of all."""
LOWEST: Final = frozenset({families.STARTED, families.STORE})
"""Gauges of which the lowest does. All others are added up."""
COUNTED: Final = (b" counter", b" histogram", b" summary")
"""How the heads of families end whose samples go on being counted when their process has ended."""
_KINDS: Final = {one.sample_name: one for one in FAMILIES}
_ORDER: Final = {name: place for place, name in enumerate(_KINDS)}
_HELP, _TYPE = b"# HELP ", b"# TYPE "
_COMMENT: Final = ord("#")
_AT_ONCE = 500
"""Samples of a piece that is written."""
Samples = dict[bytes, float]
Table = dict[bytes, Samples]
"""Samples as they are written, by the introduction of their family."""
_Rule = Callable[[float, float], float]


class Adding:
    """Adds the samples of one text to *table*: those of families whose heads end with one of *kinds*, or of all.

    The text comes in pieces that end with a line.
    """

    def __init__(self, table: Table, kinds: tuple[bytes, ...] = (b"",)) -> None:
        self._table = table
        self._kinds = kinds
        self._help = b""
        self._samples: Samples = {}
        self._rule: _Rule = float.__add__

    def add(self, piece: bytes) -> None:
        """Add the samples of *piece*."""
        samples, rule, adds = self._samples, self._rule, self._rule is float.__add__
        for line in piece.split(b"\n"):
            if not line:
                continue
            if line[0] == _COMMENT:
                samples, rule = self._introduced(line)
                adds = rule is float.__add__
                continue
            name, _, value = line.rpartition(b" ")
            if adds and value == b"0":  # as most are
                samples.setdefault(name, 0.0)
            else:
                known = samples.get(name)
                samples[name] = float(value) if known is None else rule(known, float(value))

    def _introduced(self, line: bytes) -> tuple[Samples, _Rule]:
        """Return to which samples those behind *line* are added, and how."""
        if line.startswith(_HELP):
            self._help = line
        elif line.startswith(_TYPE):
            head = self._help + b"\n" + line
            self._samples = self._table.setdefault(head, {}) if head.endswith(self._kinds) else {}
            self._rule = _rule(head)
        return self._samples, self._rule


def _name(head: bytes) -> str:
    return head.rpartition(b"\n" + _TYPE)[2].partition(b" ")[0].decode()


def _rule(head: bytes) -> _Rule:
    family = _KINDS.get(_name(head))
    if family in HIGHEST:
        return max
    return min if family in LOWEST else float.__add__


def pieces_of(table: Table) -> Iterator[bytes]:
    """Yield *table* as the text of a scrape, in pieces, its families in the order in which all are declared.

    The table is empty behind that: to free many samples at once would take as long as ten pieces.
    """
    some: list[bytes] = []
    for head in sorted(table, key=lambda head: _ORDER.get(_name(head), len(_ORDER))):
        samples = table.pop(head)
        some.append(head + b"\n")
        names = list(reversed(samples))
        while names:
            behind = max(0, len(names) - _AT_ONCE + len(some))
            some += [_line(name, samples.pop(name)) for name in reversed(names[behind:])]
            del names[behind:]
            if len(some) >= _AT_ONCE:
                yield b"".join(some)
                some = []
    yield b"".join(some)


def _line(name: bytes, value: float) -> bytes:
    if value.is_integer() and abs(value) < 1e15:
        return b"%b %d\n" % (name, value)
    return b"%b %b\n" % (name, repr(value).encode())


def replace(table: Table, family: Family, values: Mapping[str, float]) -> None:
    """Replace the samples of *family*, which has one label, by *values* (value of the label → sample)."""
    (label,) = family.labels
    for head in table:
        if _name(head) == family.sample_name:
            table[head] = {
                f"{family.sample_name}{{{labels_text((label, name))}}}".encode(): value
                for name, value in values.items()
            }
