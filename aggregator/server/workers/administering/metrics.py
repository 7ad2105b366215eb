"""The metrics of all workers as one scrape, and what those that ended have counted.

Workers send the text that ``telemetry.metrics.exposition`` writes, so it is read by its lines.

    known      what a worker told last; one that does not answer is counted by it
    past       what those that ended had counted: counters, histograms and summaries; gauges end with their process
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from aggregator.server.workers.supervising.member import Member
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
_COUNTED: Final = ("counter", "histogram", "summary")
_KINDS: Final = {one.sample_name: one for one in FAMILIES}
_MOST_UNREAD = 16
"""Texts of workers that ended, beyond which they are added up before the next scrape."""
Samples = dict[str, float]
Table = dict[str, Samples]
"""Samples as they are written, by the introduction of their family."""


class Totals:
    """The sums of the metrics of all workers, those that have ended included."""

    def __init__(self) -> None:
        self._known: dict[Member, bytes] = {}
        self._past: Table = {}

    def learn(self, member: Member, text: bytes) -> None:
        """Remember the metrics of *member*, as the *text* of its last scrape."""
        self._known[member] = text
        if sum(one.ended.done() for one in self._known) > _MOST_UNREAD:
            self._bury()

    def text(self, reloads: tuple[int, int]) -> bytes:
        """Return the text of a scrape; *reloads* are how many were applied and refused by all together.

        Takes a second for each ten megabytes of text; may be called in a thread, one call at a time.
        """
        self._bury()
        whole = together([self._past, *map(read, tuple(self._known.values()))])
        applied, refused = reloads
        _replace(whole, families.RELOADS, {"applied": float(applied), "refused": float(refused)})
        return text_of(whole)

    def _bury(self) -> None:
        """Add the counters of ended workers to one sum, and drop their texts."""
        for member in [one for one in tuple(self._known) if one.ended.done()]:
            self._past = together([self._past, counted(read(self._known.pop(member)))])


def read(text: bytes) -> Table:
    """Return the samples of *text*."""
    table: Table = {}
    samples: Samples = {}
    head = ""
    for line in text.decode().splitlines():
        if line.startswith("# HELP "):
            head = line
        elif line.startswith("# TYPE "):
            samples = table.setdefault(f"{head}\n{line}", {})
        else:
            name, _, value = line.rpartition(" ")
            samples[name] = float(value)
    return table


def counted(table: Table) -> Table:
    """Return what of *table* goes on being counted when its process has ended."""
    return {head: samples for head, samples in table.items() if head.endswith(_COUNTED)}


def together(tables: Iterable[Table]) -> Table:
    """Return *tables* as one, their families in the order in which all are declared."""
    whole: Table = {}
    for table in tables:
        for head, samples in table.items():
            _add(whole.setdefault(head, {}), samples, _rule(head))
    order = {name: place for place, name in enumerate(_KINDS)}
    return dict(sorted(whole.items(), key=lambda item: order.get(_name(item[0]), len(order))))


def _name(head: str) -> str:
    return head.rpartition("\n# TYPE ")[2].partition(" ")[0]


def _rule(head: str) -> Callable[[float, float], float]:
    family = _KINDS.get(_name(head))
    if family in HIGHEST:
        return max
    return min if family in LOWEST else float.__add__


def _add(whole: Samples, samples: Samples, rule: Callable[[float, float], float]) -> None:
    for sample, value in samples.items():
        known = whole.get(sample)
        whole[sample] = value if known is None else rule(known, value)


def text_of(table: Table) -> bytes:
    """Return *table* as the text of a scrape."""
    lines = []
    for head, samples in table.items():
        lines.append(head)
        lines += [f"{name} {_number(value)}" for name, value in samples.items()]
    return "".join(f"{line}\n" for line in lines).encode()


def _number(value: float) -> str:
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)


def _replace(table: Table, family: Family, values: Mapping[str, float]) -> None:
    """Replace the samples of *family*, which has one label, by *values* (value of the label → sample)."""
    (label,) = family.labels
    for head in table:
        if _name(head) == family.sample_name:
            table[head] = {
                f"{family.sample_name}{{{labels_text((label, name))}}}": value for name, value in values.items()
            }
