"""Headers of parts that the file lets through to the client, and the rule when several parts send one."""

from __future__ import annotations

from collections.abc import Iterator

from aggregator.exchange import HeaderList, State
from aggregator.runtime.parts.fanout import Run
from aggregator.runtime.parts.result import Result

_NEVER = frozenset({
    b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-connection", b"te", b"trailer", b"transfer-encoding",
    b"upgrade", b"content-length", b"content-encoding", b"content-type", b"x-request-id", b"aggregator-parts",
})  # fmt: skip
_OF_A_WHOLE = frozenset({b"cache-control", b"expires", b"age", b"etag", b"last-modified", b"content-range"})
"""What speaks of a body as it was: nothing of it is true of an answer that lacks parts."""


def replies_of(run: Run) -> Iterator[Result]:
    """Give the replies that went into an answer, in declared order; none of parts that failed or were skipped."""
    for result in run.ended_results():
        if result.state is State.OK:
            yield from (reply for reply in result.replies() if reply.state is State.OK)


def passed_headers(rules: tuple[tuple[bytes, str], ...], run: Run, *, partial: bool) -> HeaderList:
    """Give the fields that *rules* take from the parts, in declared order.

    What speaks of whole bodies does not stand on a *partial* answer.
    """
    kept = tuple(rule for rule in rules if not (partial and rule[0] in _OF_A_WHOLE))
    return fields_taken(kept, tuple(replies_of(run)))


def fields_taken(rules: tuple[tuple[bytes, str], ...], replies: tuple[Result, ...]) -> HeaderList:
    """Give the fields that *rules* (name, first|last|append|min|max) take from *replies*, in that order.

    Several ``set-cookie`` stay apart (RFC 6265 §3); hop-by-hop fields never pass (RFC 9110 §7.6.1).
    """
    taken: HeaderList = []
    for name, rule in rules:
        if name in _NEVER:
            continue
        values = [value for reply in replies for field, value in reply.headers if field == name]
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
