"""``aggregator top``: endpoints and upstreams of a running process, the worst first, for as long as one looks."""

from __future__ import annotations

import shutil
import sys
from collections import Counter, deque
from typing import TYPE_CHECKING, Any

import click

from aggregator.cli.choosing import file_option
from aggregator.cli.helping import ExampleCommand

if TYPE_CHECKING:
    from aggregator.cli.following import Event

_WINDOW = 10
"""Seconds that are shown together."""
_STEP = 1.25
_NUMBERS = ("req/s", "5xx", "part", "p50", "p95", "p99")
_COLUMN, _NARROWEST = 8, 60


@click.command(
    "top",
    cls=ExampleCommand,
    short_help="Watch the endpoints and upstreams of a running process.",
    examples=(
        ("aggregator top", "watch the process whose `server.admin` routes.yaml declares"),
        ("ssh host aggregator top --url 127.0.0.1:9000", "watch one elsewhere"),
    ),
)
@click.option("--url", default=None, help="Address of administration, if it is not that of FILE.")
@file_option()
def top(url: str | None, file: str) -> None:
    """Show requests a second, failures, partial answers and durations (ms) of the last ten seconds.

    Endpoints that fail come first, then those that are asked most. When the process ends it waits for it to come back.
    Where stdout is no terminal, the table is written anew each second, without colours.

    Exit codes: 0 interrupted, 1 refused or not reached, 2 wrong usage.
    """
    from aggregator.cli.administration import admin_target
    from aggregator.cli.following import follow

    screen, is_terminal = Screen(), sys.stdout.isatty()
    try:
        for event in follow(admin_target(url, file), {"show": "counts"}):
            screen.take(event)
            if event.name == "config" and is_terminal is False:
                continue
            size = shutil.get_terminal_size((100, 50))
            text = screen.text(size.columns, size.lines - 1)
            click.echo(f"\x1b[H\x1b[2J{text}" if is_terminal else f"{text}\n")
    except KeyboardInterrupt:
        sys.exit(0)


class Screen:
    """The content of the screen, from the events of the last seconds."""

    def __init__(self) -> None:
        self._seconds: deque[dict[str, Any]] = deque(maxlen=_WINDOW)
        self._head = "connecting"
        self._generation = 0
        self._is_refused = False

    def take(self, event: Event) -> None:
        """Update the content by *event*."""
        if event.name == "counts":
            self._seconds.append(event.data)
            self._head = f"generation {self._generation}   {event.data['in_flight']} in flight"
        elif event.name == "config":
            self._generation, self._is_refused = event.data["generation"] or 0, event.data["refused"] is not None
            self._head = f"generation {self._generation}"
        elif event.name == "gone":
            self._head = "the server has gone; waiting for it"
            self._seconds.clear()

    def text(self, width: int, height: int) -> str:
        """Return what fits into *width* columns and *height* lines."""
        from aggregator.cli.following import printable

        names = max(width, _NARROWEST) - len(_NUMBERS) * _COLUMN
        endpoints, upstreams = self._endpoints(), self._upstreams()
        room = max(1, height - 7 - min(len(upstreams), 8))
        refused = "   the saved file is refused: aggregator status" if self._is_refused else ""
        lines = [(self._head + refused)[: max(width, _NARROWEST)], "", _line("ENDPOINT", _NUMBERS, names)]
        lines += [_line(printable(name) or "(no endpoint)", row, names) for name, row in endpoints[:room]]
        lines += [f"{len(endpoints) - room} more"] if len(endpoints) > room and not upstreams else []
        if upstreams:
            lines += ["", _line("UPSTREAM", ("calls/s", "failed", "mean"), names)]
            lines += [_line(printable(name), row, names) for name, row in upstreams[:8]]
        return "\n".join(lines)

    def _endpoints(self) -> list[tuple[str, tuple[str, ...]]]:
        sums: dict[str, list[Any]] = {}
        for second in self._seconds:
            for name, (count, bad, partial, buckets) in second["endpoints"].items():
                summed = sums.setdefault(name, [0, 0, 0, Counter()])
                summed[0] += count
                summed[1] += bad
                summed[2] += partial
                summed[3].update({int(index): number for index, number in buckets.items()})
        ordered = sorted(sums.items(), key=lambda item: (-item[1][1], -item[1][0], item[0]))
        return [(name, self._row(*summed)) for name, summed in ordered]

    def _row(self, count: int, bad: int, partial: int, buckets: Counter[int]) -> tuple[str, ...]:
        shares = [f"{100 * part / count:.1f}%" for part in (bad, partial)]
        return (self._rate(count), *shares, *(f"{percentile(buckets, share):.0f}" for share in (0.5, 0.95, 0.99)))

    def _upstreams(self) -> list[tuple[str, tuple[str, ...]]]:
        sums: dict[str, list[float]] = {}
        for second in self._seconds:
            for name, numbers in second["upstreams"].items():
                sums[name] = [one + more for one, more in zip(sums.get(name, [0, 0, 0.0]), numbers, strict=True)]
        ordered = sorted(sums.items(), key=lambda item: (-item[1][1], -item[1][0], item[0]))
        return [(name, (self._rate(calls), f"{100 * failed / calls:.1f}%", f"{ms / calls:.0f}"))
                for name, (calls, failed, ms) in ordered]  # fmt: skip

    def _rate(self, count: float) -> str:
        return f"{count / max(1, len(self._seconds)):.1f}"


def percentile(buckets: Counter[int], share: float) -> float:
    """Return the milliseconds within which *share* of the requests in *buckets* were answered, at most."""
    wanted, seen = share * buckets.total(), 0
    for index in sorted(buckets):
        seen += buckets[index]
        if seen >= wanted:
            return float(_STEP**index)
    return 0.0


def _line(name: str, numbers: tuple[str, ...], width: int) -> str:
    cut = name if len(name) < width else name[: width - 2] + "…"
    return f"{cut:<{width}}" + "".join(f"{number:>{_COLUMN}}" for number in numbers)
