"""What failures become by the rows of status maps and by the defaults.

The tables of ``runtime.failure`` read the other way round: there one failure finds its row, here the rows divide
all failures that can happen.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from aggregator.causes import CAUSES
from aggregator.errors import Cause
from aggregator.http import has_body, phrase
from aggregator.plan.analysis.failing import OVERLOAD, STATUSES, Failures
from aggregator.plan.analysis.failures import default_status
from aggregator.plan.types import RowPlan
from aggregator.runtime.answers.passing import needed_names
from aggregator.server.openapi.answers.outcomes import (
    ANY_TYPE,
    FUNCTION_FAILED,
    NOT_FOUND,
    OVERLOADED,
    TIMED_OUT,
    UPSTREAM_FAILED,
    Outcome,
    problem_example,
    status_keys,
)
from aggregator.server.openapi.components import PROBLEM_TYPE, schema_ref
from aggregator.server.openapi.values import schema_of
from aggregator.templates import Const, Template

_WITH_RETRY_AFTER = frozenset({429, 503})
"""Statuses of upstreams whose Retry-After reaches the client."""
_DEFAULTS = tuple(
    (
        outcome,
        frozenset(status for status in STATUSES if str(default_status(Cause.STATUS, status)) == outcome.status),
        frozenset(cause for cause in CAUSES if str(default_status(cause, 0)) == outcome.status) - {Cause.STATUS},
    )
    for outcome in (NOT_FOUND, FUNCTION_FAILED, UPSTREAM_FAILED, OVERLOADED, TIMED_OUT)
)


def failure_outcomes(failures: Failures, rows: Iterable[RowPlan], headers: tuple[str, ...] = ()) -> Iterator[Outcome]:
    """Yield what *failures* become by *rows*, the first that matches, and by the defaults.

    *headers* are the names of those that each of these answers has.
    """
    left = failures
    for row in rows:
        hit = left.matching(row.on)
        if not hit:
            continue
        yield from _by_row(row, hit, headers)
        if row.when is None:
            left -= hit
        if not left:
            return
    yield from default_outcomes(left)


def default_outcomes(failures: Failures) -> Iterator[Outcome]:
    """Yield what *failures* become when no row speaks of them."""
    for outcome, statuses, causes in _DEFAULTS:
        if failures.statuses & statuses or failures.causes & causes:
            yield outcome


def _by_row(row: RowPlan, hit: Failures, headers: tuple[str, ...]) -> Iterator[Outcome]:
    waits = ("retry-after",) if hit.statuses & _WITH_RETRY_AFTER or hit.causes & OVERLOAD else ()
    headers = (*(name.decode("ascii") for name, _ in row.headers), *headers, *waits)
    if row.forward:
        yield from _forwarded(row, hit, headers)
        hit = Failures(causes=hit.causes)
        if not hit:
            return
    if row.status is not None:
        yield _mapped(row, row.status, headers)
        return
    for default in default_outcomes(hit):
        yield _mapped(row, int(default.status), headers)


def _forwarded(row: RowPlan, hit: Failures, headers: tuple[str, ...]) -> Iterator[Outcome]:
    """Yield the upstream's own answers; a failure that came without one is not passed on."""
    keys = status_keys(hit.statuses | hit.answered) if row.status is None else (str(row.status),)
    for key in keys:
        media = ANY_TYPE if not key.isdigit() or has_body(int(key)) else None
        needed = needed_names(int(key)) if key.isdigit() else ()
        named = tuple(dict.fromkeys((*headers, *needed)))
        yield Outcome(key, "What the upstream answered, passed on as it is.", media, {}, named)


def _mapped(row: RowPlan, status: int, headers: tuple[str, ...]) -> Outcome:
    if status == 503:
        headers = (*headers, "retry-after")
    said = row.title if isinstance(row.title, str) else None  # one that is computed is not known here
    title = said or (phrase(status) if status >= 300 else "What stands in for a part that failed")
    if row.body is not None:
        media = _own_type(row.body) if has_body(status) else None
        return Outcome(str(status), sentence(title), media, schema_of(row.body), headers)
    detail = _constant_text(row.detail)
    example = None if detail is None else problem_example(status, detail) | {"title": said or phrase(status)}
    media = PROBLEM_TYPE if has_body(status) else None
    return Outcome(str(status), sentence(detail or title), media, schema_ref("Problem"), headers, example)


def _own_type(template: Template) -> str:
    """Return the media type of a body that the file declares: a text is sent as text, what is not known as either."""
    kind = schema_of(template).get("type")
    return ANY_TYPE if kind is None else "text/plain" if kind == "string" else "application/json"


def _constant_text(template: Template | None) -> str | None:
    if template is None or not isinstance(template.node, Const):
        return None
    return str(template.node.value)


def sentence(text: str) -> str:
    """Return *text* with a full stop at its end."""
    return text if text.endswith((".", "!", "?")) else f"{text}."
