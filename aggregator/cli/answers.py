"""What came of asking a running process, as a person reads it: a sentence, or a table with a line for each thing."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NoReturn

import click

from aggregator.cli.administration import SECRET
from aggregator.cli.following import printable

if TYPE_CHECKING:
    import httpx

Tell = Callable[[Any], None]
"""Prints the data of an answer for a person."""
_NONE = "none"
_UNITS = (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1))


def conclude(answer: httpx.Response, tell: Tell, *, as_json: bool) -> NoReturn:
    """Print *answer*, and end the process: with 0, or with 1 if it was refused."""
    show(answer, tell, as_json=as_json)
    sys.exit(0 if answer.is_success else 1)


def show(answer: httpx.Response, tell: Tell, *, as_json: bool = False) -> None:
    """Print the data of *answer* to stdout, by *tell* unless *as_json*, or why it carries none to stderr."""
    kind = answer.headers.get("content-type", "")
    if kind.startswith("application/problem+json"):
        hint = f" Set {SECRET}." if answer.status_code == 401 else ""
        click.echo(f"error: {answer.json().get('detail', answer.reason_phrase)}{hint}", err=True)
    elif as_json or not kind.startswith("application/json"):
        click.echo(answer.text)
    else:
        try:
            tell(answer.json())
        except (AttributeError, KeyError, TypeError, ValueError):  # of another release, or no aggregator at all
            click.echo(answer.text)


def moment(seconds: float) -> str:
    """Return the Unix time *seconds* as it stands in the log, without fractions: ``2027-01-31T12:00:00Z``."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def lasting(seconds: float) -> str:
    """Return *seconds*, rounded up, as a duration of the file with its two largest units: ``9m58s``."""
    left = math.ceil(seconds)
    pieces: list[str] = []
    for unit, size in _UNITS:
        count, left = divmod(left, size)
        if count or (unit == "s" and not pieces):
            pieces.append(f"{count}{unit}")
    return "".join(pieces[:2])


def counted(count: int, one: str, many: str) -> str:
    """Return *count* with its noun: ``1 effect``, ``2 effects``."""
    return f"{count} {one if count == 1 else many}"


def lines_of(data: Mapping[str, Any], indent: str = "") -> Iterator[str]:
    """Yield *data* as ``name: value`` lines: objects and lists of them indented, ``none`` where they are empty.

    Texts and numbers of a list stand beside each other, other lists as JSON.
    """
    for name, value in data.items():
        if isinstance(value, Mapping) and value:
            yield f"{indent}{printable(name)}:"
            yield from lines_of(value, f"{indent}  ")
        elif isinstance(value, list) and value and all(isinstance(one, Mapping) for one in value):
            yield f"{indent}{printable(name)}:"
            for one in value:
                first, *others = lines_of(one, f"{indent}    ") if one else (f"    {_NONE}",)
                yield f"{indent}  - {first.lstrip()}"
                yield from others
        else:
            yield f"{indent}{printable(name)}: {_shown(value)}"


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return printable(value)
    if value in ({}, []):
        return _NONE
    if isinstance(value, list) and not any(isinstance(one, list | Mapping) for one in value):
        return ", ".join(map(_shown, value))
    return "-" if value is None else json.dumps(value, ensure_ascii=False)
