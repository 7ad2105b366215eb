"""Headers of parts that the file lets through to the client, and the rule when several parts send one."""

from __future__ import annotations

from aggregator.exchange import HeaderList
from aggregator.runtime.fanout import Run

_NEVER = frozenset({
    b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-connection", b"te", b"trailer", b"transfer-encoding",
    b"upgrade", b"content-length", b"content-encoding", b"content-type",
})  # fmt: skip


def passed_headers(rules: tuple[tuple[bytes, str], ...], run: Run) -> HeaderList:
    """Give the fields that *rules* (name, first|last|append|min|max) take from the parts, in declared order.

    Several ``set-cookie`` stay apart (RFC 6265 §3); hop-by-hop fields never pass (RFC 9110 §7.6.1).
    """
    taken: HeaderList = []
    for name, rule in rules:
        values = [v for result in run.results if result is not None for n, v in result.headers if n == name]
        if not values or name in _NEVER:
            continue
        if rule == "append":
            taken.extend((name, value) for value in values)
        else:
            taken.append((name, _pick(values, rule)))
    return taken


def _pick(values: list[bytes], rule: str) -> bytes:
    if rule == "first":
        return values[0]
    if rule == "last":
        return values[-1]
    numbers = sorted(values, key=_number)
    return numbers[0] if rule == "min" else numbers[-1]


def _number(value: bytes) -> float:
    try:
        return float(value)
    except ValueError:
        return float("inf")
