"""Endpoints and upstreams of the last seconds, the worst first, as a table or as data."""

from __future__ import annotations

from collections import Counter, deque
from typing import Any

from aggregator.cli.following import Event, printable
from aggregator.diagnostics.display import cut, padded

_WINDOW = 10
"""Seconds that are shown together."""
_STEP = 1.25
_WIDTH, _TIGHT = 8, 7
"""Columns of a number, and those of one where not all would fit."""
_NAME, _SHORT = 16, 12
"""Columns of a name beside all numbers, and those beside more than one, at least."""
_BARE = 16
"""Columns of a screen with fewer than which there are names alone."""
_WHOLE = 1000
"""Of so many a second no tenths are shown."""
_MOST_UPSTREAMS = 8
_REFUSED, _REFUSED_SHORT = "the saved file is refused: aggregator status", "refused: aggregator status"
_OF_ENDPOINTS = ("req/s", "5xx", "part", "p50", "p95", "p99")
_DEAREST = ("req/s", "5xx", "part", "p95", "p99", "p50")
"""In the order in which a narrow terminal keeps them: what clients did not get comes before how long it took."""
_OF_UPSTREAMS = ("calls/s", "failed", "mean")
_Row = tuple[str, dict[str, float]]
_SHARES = frozenset({"5xx", "part", "failed"})


class Table:
    """The content of a screen, from the events of the last seconds.

    If *only* names an endpoint, it is of that and its parts.
    """

    def __init__(self, only: str = "") -> None:
        self._only = only
        self._seconds: deque[dict[str, Any]] = deque(maxlen=_WINDOW)
        self._parts: deque[dict[str, Any]] = deque(maxlen=_WINDOW)
        self._head = "connecting"
        self._in_flight = self._generation = 0
        self._is_refused = False

    def take(self, event: Event) -> None:
        """Update the content by *event*."""
        if event.name == "counts":
            self._seconds.append(event.data)
            self._in_flight = event.data["in_flight"]
            self._head = f"generation {self._generation}   {self._in_flight} in flight"
        elif event.name == "parts":
            self._parts.append(event.data["parts"])
        elif event.name == "config":
            self._generation, self._is_refused = event.data["generation"] or 0, event.data["refused"] is not None
            self._head = f"generation {self._generation}"
        elif event.name == "gone":
            self._head = "the server has gone; waiting for it"
            self._seconds.clear()
            self._parts.clear()

    def text(self, width: int, height: int) -> str:
        """Return what fits into *width* columns and *height* lines."""
        wide = _WIDTH if width >= _NAME + len(_DEAREST) * _WIDTH else _TIGHT
        most_numbers = max(int(width >= _BARE), (width - _SHORT) // wide)
        kept = _DEAREST[:most_numbers]
        endpoints, below = self._endpoints(), self._below()
        lines = [self._head, ""]
        if self._is_refused and width >= len(f"{self._head}   {_REFUSED}"):
            lines[0] += f"   {_REFUSED}"
        elif self._is_refused:
            lines[1] = _REFUSED if width >= len(_REFUSED) else _REFUSED_SHORT
        room = height - len(lines) - 1
        most = min(len(below), _MOST_UPSTREAMS, max(0, (room - 2) // 2))
        lines += _block("ENDPOINT", [one for one in _OF_ENDPOINTS if one in kept], endpoints, (width, wide),
                        room - (most + 2 if most else 0))  # fmt: skip
        if most:
            named = "PART" if self._only else "UPSTREAM"
            lines += ["", *_block(named, list(_OF_UPSTREAMS[:most_numbers]), below[:most], (width, wide), most)]
        return "\n".join(cut(line, width, mark="") for line in lines[:height])

    def data(self) -> dict[str, Any]:
        """Return the same as data; durations are milliseconds, shares those of 1."""
        named = "part" if self._only else "upstream"
        return {
            "generation": self._generation, "refused": self._is_refused, "in_flight": self._in_flight,
            "endpoints": [{"endpoint": name, **_spelled(numbers)} for name, numbers in self._endpoints()],
            f"{named}s": [{named: name, **_spelled(numbers)} for name, numbers in self._below()],
        }  # fmt: skip

    def _endpoints(self) -> list[_Row]:
        sums: dict[str, tuple[list[int], Counter[int]]] = {}
        for second in self._seconds:
            for name, (*numbers, buckets) in second["endpoints"].items():
                if self._only in ("", name):
                    summed, counter = sums.setdefault(name, ([0, 0, 0], Counter()))
                    summed[:] = (one + more for one, more in zip(summed, numbers, strict=True))
                    counter.update({int(index): number for index, number in buckets.items()})
        ordered = sorted(sums.items(), key=lambda item: (-item[1][0][1], -item[1][0][0], item[0]))
        return [(name, self._of_endpoint(numbers, buckets)) for name, (numbers, buckets) in ordered]

    def _of_endpoint(self, numbers: list[int], buckets: Counter[int]) -> dict[str, float]:
        count, bad, partial = numbers
        shares = {f"p{share}": percentile(buckets, share / 100) for share in (50, 95, 99)}
        return {"req/s": self._rate(count), "5xx": bad / count, "part": partial / count, **shares}

    def _below(self) -> list[_Row]:
        """Return the upstreams, or the parts of the only endpoint."""
        sums: dict[str, list[float]] = {}
        for second in self._parts if self._only else [one["upstreams"] for one in self._seconds]:
            for name, numbers in second.items():
                sums[name] = [one + more for one, more in zip(sums.get(name, [0, 0, 0.0]), numbers, strict=True)]
        ordered = sorted(sums.items(), key=lambda item: (-item[1][1], -item[1][0], item[0]))
        return [(name, {"calls/s": self._rate(calls), "failed": failed / calls, "mean": milliseconds / calls})
                for name, (calls, failed, milliseconds) in ordered]  # fmt: skip

    def _rate(self, count: float) -> float:
        return count / max(1, len(self._seconds))


def percentile(buckets: Counter[int], share: float) -> float:
    """Return the milliseconds within which *share* of the requests in *buckets* were answered, at most."""
    wanted, seen = share * buckets.total(), 0
    for index in sorted(buckets):
        seen += buckets[index]
        if seen >= wanted:
            return float(_STEP**index)
    return 0.0


def _block(head: str, columns: list[str], rows: list[_Row], widths: tuple[int, int], room: int) -> list[str]:
    """Return *rows* under *head*, in *room* lines at most; *widths* are those of a line and of a number."""
    width, wide = widths
    names = width - len(columns) * wide
    shown = rows if len(rows) <= room else rows[: max(0, room - 1)]
    lines = [_line(head, columns, names, wide)]
    lines += [
        _line(printable(name) or "(no endpoint)", [_cell(column, numbers[column]) for column in columns], names, wide)
        for name, numbers in shown
    ]
    return lines + ([f"{len(rows) - len(shown)} more"] if len(rows) > len(shown) else [])


def _cell(column: str, number: float) -> str:
    if column in _SHARES:
        return f"{100 * number:.1f}%"
    return f"{number:.1f}" if column.endswith("/s") and number < _WHOLE else f"{number:.0f}"


def _line(name: str, numbers: list[str], width: int, wide: int) -> str:
    return padded(cut(name, max(1, width - 1)), width) + "".join(f"{number:>{wide}}" for number in numbers)


_SPELLED = {"req/s": "per_second", "calls/s": "per_second", "5xx": "failed", "part": "partial", "failed": "failed"}


def _spelled(numbers: dict[str, float]) -> dict[str, float]:
    return {_SPELLED.get(name, name): round(number, 4) for name, number in numbers.items()}
