"""Events of a running process, read for as long as it tells them, and again when it has come back."""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

import click
import httpx

from aggregator.cli.administration import SECRET, AdminTarget
from aggregator.errors import AggregatorError

_PAUSES = (0.5, 1.0, 2.0, 5.0)
"""Seconds before each attempt to reach a process that has gone; the last one is repeated."""
_SILENCE = 40.0
"""Seconds without a sign of life after which a process is held to be gone; it gives one each 15 seconds."""


class StoppingError(AggregatorError):
    """A process that is there, and does not tell of anything now."""


class Event(NamedTuple):
    """One event: ``config``, ``counts``, ``request``, ``lost``; ``gone`` and ``back`` are our own."""

    name: str
    data: dict[str, Any]


def follow(
    target: AdminTarget, asked: Mapping[str, str], pause: Callable[[float], object] = time.sleep,
) -> Iterator[Event]:  # fmt: skip
    """Yield what the process at *target* tells of what is *asked* for, without end.

    ``gone`` is yielded once when it ends, ``back`` when it answers again. Raises ``AggregatorError`` when it cannot be
    reached at first, or refuses.
    """
    failures, was_there = 0, False
    while True:
        try:
            for event in _events(target, asked):
                if failures:
                    yield Event("back", {})
                failures, was_there = 0, True
                yield event
        except (httpx.HTTPError, ssl.SSLError, OSError) as error:
            if not was_there:
                raise AggregatorError(
                    f"Nothing answers at {target.place}: {str(error) or type(error).__name__}."
                ) from None
        except StoppingError:
            if not was_there:
                raise
        if not failures:
            yield Event("gone", {})
        pause(_PAUSES[min(failures, len(_PAUSES) - 1)])
        failures += 1


def _events(target: AdminTarget, asked: Mapping[str, str]) -> Iterator[Event]:
    headers = {} if target.secret is None else {"authorization": f"Bearer {target.secret}"}
    if target.path is not None and not Path(target.path).exists():
        raise httpx.ConnectError("there is no such file")
    with (
        httpx.Client(transport=target.transport(), base_url=target.url, timeout=_SILENCE) as client,
        client.stream("GET", f"/-/events?{urlencode(asked)}", headers=headers) as answer,
    ):
        if answer.status_code != 200:
            answer.read()
            raise (StoppingError if answer.status_code == 503 else AggregatorError)(_refusal(answer))
        yield from parse(answer.iter_lines())


def _refusal(answer: httpx.Response) -> str:
    try:
        detail = str(answer.json().get("detail", answer.reason_phrase))
    except (ValueError, AttributeError):
        detail = f"It answers with {answer.status_code}, as no address of administration does."
    return f"{detail} Set {SECRET}." if answer.status_code == 401 else detail


def parse(lines: Iterable[str]) -> Iterator[Event]:
    """Yield the events of *lines*, an event stream; its end is one of them, and ends it."""
    name = ""
    for line in lines:
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            if name == "end":
                return
            yield Event(name, json.loads(line.removeprefix("data: ")))


def printable(text: object) -> str:
    """Return *text* without what a terminal would obey."""
    return "".join(char if char.isprintable() else "�" for char in str(text))


def style(text: str, *, color: bool, **how: Any) -> str:
    """Return *text* in a style where there are colours."""
    return click.style(text, **how) if color else text
