"""What the log shows of a request beside what became of it: fields of the operator, and the request itself."""

from __future__ import annotations

from typing import Any

from aggregator.errors import AggregatorError
from aggregator.exchange import Exchange
from aggregator.http import first
from aggregator.identity.caller import Caller
from aggregator.parts.names import Names
from aggregator.plan.telemetry import LogPlan
from aggregator.telemetry.hiding import Hidden
from aggregator.telemetry.redaction import MASK
from aggregator.telemetry.requests import Seen
from aggregator.templates import MISSING, Template


class _Afterwards(Names):
    """Names that may be read when the request has ended, too."""

    __slots__ = ()

    def check_time(self) -> None:
        """Do nothing: the deadline of the request no longer applies."""


Field = tuple[str, Template | None]
"""A field of the operator; None where it reads a hidden place."""


def own_fields(fields: tuple[Field, ...], exchange: Exchange) -> dict[str, Any]:
    """Return the values of *fields* for a request; one that reads what is not there, or cannot be made, is left out."""
    names = _Afterwards(exchange)
    found: dict[str, Any] = {}
    for name, template in fields:
        if template is None:
            found[name] = MASK
            continue
        try:
            value = template.render(names, missing="null")
        except (AggregatorError, ValueError):  # the latter from a query that is none
            continue
        if value is not None and value is not MISSING:
            found[name] = value
    return found


def fields_shown(plan: LogPlan) -> tuple[Field, ...]:
    """Return the fields of *plan*; those that read a hidden place, or more than it, show nothing of it."""
    return tuple(
        (name, None if any(map(plan.hidden.hides, template.references)) else template) for name, template in plan.fields
    )


def seen_of(exchange: Exchange, path: str, hidden: Hidden) -> Seen:
    """Return what the combined format shows of a request, without what is *hidden*; *path* is shown as it is."""
    caller = exchange.caller
    return Seen(
        exchange.method, path, hidden.query_text(exchange.query_string.decode("latin-1")),
        str(caller.subject or "") if isinstance(caller, Caller) else "",
        hidden.header("referer", (first(exchange.header_list, b"referer") or b"").decode("latin-1")),
        hidden.header("user-agent", (first(exchange.header_list, b"user-agent") or b"").decode("latin-1")),
    )  # fmt: skip
