"""Headers of parts that the file lets through to the client, and the rule when several parts send one."""

from __future__ import annotations

from collections.abc import Iterator

from aggregator.codecs.etag import add_vary
from aggregator.http import NEVER_PASSED, HeaderList, joined, replaced
from aggregator.parts.result import Result
from aggregator.plan.analysis.walking import calls_in
from aggregator.plan.types import EndpointPlan
from aggregator.runtime.parts.fanout import Run

_NEVER = NEVER_PASSED | {b"x-request-id", b"aggregator-parts"}
_NO_NAMES: frozenset[bytes] = frozenset()
_KEPT = _NEVER | {b"date"}
_OF_A_WHOLE = frozenset({b"cache-control", b"expires", b"age", b"etag", b"last-modified", b"content-range"})
"""What speaks of a body as it was: nothing of it is true of an answer that lacks parts."""

_NEEDED = {
    206: frozenset({b"content-range"}),
    **dict.fromkeys((300, 301, 302, 303, 307, 308), frozenset({b"location"})),
    304: frozenset({b"etag", b"last-modified", b"content-location"}),
    401: frozenset({b"www-authenticate"}),
    405: frozenset({b"allow"}),
    412: frozenset({b"etag", b"last-modified"}),
    413: frozenset({b"retry-after"}),
    415: frozenset({b"accept", b"accept-post", b"accept-patch"}),
    416: frozenset({b"content-range"}),
    429: frozenset({b"retry-after"}),
    503: frozenset({b"retry-after"}),
}
"""Fields without which nobody can act upon a status (RFC 9110 §15, RFC 6585 §4)."""


def needed_fields(status: int, headers: HeaderList) -> HeaderList:
    """Return those of an upstream's *headers* that an answer with *status* needs, repeated ones apart."""
    names = _NEEDED.get(status)
    return [] if names is None else [field for field in headers if field[0] in names]


def needed_names(status: int) -> tuple[str, ...]:
    """Return the names of the fields that an answer with *status* needs."""
    return tuple(sorted(name.decode("ascii") for name in _NEEDED.get(status, ())))


def standing_statuses(plan: EndpointPlan) -> frozenset[int]:
    """Return the statuses of a single call that the answer keeps, whatever else the file says of it.

    A part of a body that passes through would be taken for the whole; a verdict on a condition of the client says
    that nothing else will be said.
    """
    verdicts = {status for call in calls_in(plan.fan) for status, _ in call.success.verdicts}
    return frozenset(verdicts | {206} if plan.raw else verdicts)


def all_fields(headers: HeaderList, varies: tuple[bytes, ...] = ()) -> HeaderList:
    """Return what of an upstream's *headers* passes where all do, but for those about the body.

    Fields of the connection stay here (RFC 9110 §7.6.1), and those that we write ourselves. ``Vary`` names
    *varies* besides.
    """
    nominated = _nominated(headers)
    passed = [field for field in headers if field[0] not in _KEPT and field[0] not in nominated]
    return varying(passed, varies)


def varying(headers: HeaderList, names: tuple[bytes, ...]) -> HeaderList:
    """Return *headers* whose ``Vary`` has *names* beside those that it has."""
    return replaced(headers, b"vary", add_vary(joined(headers, b"vary"), *names)) if names else headers


def _nominated(headers: HeaderList) -> frozenset[bytes]:
    """Return the names that ``Connection`` says are of the connection alone (RFC 9110 §7.6.1)."""
    said = [value for name, value in headers if name == b"connection"]
    return frozenset(token.strip().lower() for value in said for token in value.split(b",")) if said else _NO_NAMES


def replies_of(run: Run) -> Iterator[Result]:
    """Yield the replies that went into an answer, in declared order; none of parts that failed or were skipped."""
    for result in run.ended_results():
        if result.is_there:
            yield from (reply for reply in result.replies() if reply.is_there)


def passed_headers(rules: tuple[tuple[bytes, str], ...], run: Run, *, partial: bool) -> HeaderList:
    """Return the fields that *rules* take from the parts, in declared order.

    What speaks of whole bodies does not stand on a *partial* answer.
    """
    kept = tuple(rule for rule in rules if not (partial and rule[0] in _OF_A_WHOLE))
    return fields_taken(kept, tuple(replies_of(run)))


def fields_taken(rules: tuple[tuple[bytes, str], ...], replies: tuple[Result, ...]) -> HeaderList:
    """Return the fields that *rules* (name, first|last|append|min|max) take from *replies*, in that order.

    Several ``set-cookie`` stay apart (RFC 6265 §3); hop-by-hop fields never pass (RFC 9110 §7.6.1).
    """
    taken: HeaderList = []
    for name, rule in rules:
        if name in _NEVER:
            continue
        values = [
            value
            for reply in replies
            for field, value in reply.headers
            if field == name and name not in _nominated(reply.headers)
        ]
        if rule == "append":
            taken.extend((name, value) for value in values)
        elif values:
            taken.append((name, _pick(values, rule)))
    return taken


def _pick(values: list[bytes], rule: str) -> bytes:
    if rule == "first":
        return values[0]
    if rule == "last":
        return values[-1]
    numbers = [(number, value) for value in values if (number := _number(value)) is not None]
    if not numbers:
        return values[0]
    return min(numbers)[1] if rule == "min" else max(numbers)[1]


def _number(value: bytes) -> float | None:
    try:
        number = float(value)
    except ValueError:
        return None
    return number if number == number else None  # NaN has no order
