"""Trace context in header fields: W3C Trace Context (https://www.w3.org/TR/trace-context-2/), B3, W3C Baggage.

What cannot be read is as if it had not been sent.
"""

from __future__ import annotations

import re
from typing import Literal

from msgspec import Struct

from aggregator.http import HeaderList

Propagation = Literal["tracecontext", "b3", "baggage"]

FIELDS: dict[Propagation, tuple[bytes, ...]] = {
    "tracecontext": (b"traceparent", b"tracestate"),
    "b3": (b"b3", b"x-b3-traceid", b"x-b3-spanid", b"x-b3-parentspanid", b"x-b3-sampled", b"x-b3-flags"),
    "baggage": (b"baggage",),
}
"""The header fields of each way to pass a context on."""

_PARENT = re.compile(rb"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?").fullmatch
_KEY = rb"(?:[a-z0-9][a-z0-9_\-*/]{0,255}|[a-z0-9][a-z0-9_\-*/]{0,240}@[a-z][a-z0-9_\-*/]{0,13})"
_MEMBER = re.compile(_KEY + rb"=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]").fullmatch
_MOST_MEMBERS = 32
_B3 = re.compile(rb"((?:[0-9a-f]{16})?[0-9a-f]{16})-([0-9a-f]{16})(?:-([01d])(?:-[0-9a-f]{16})?)?").fullmatch
_B3_WORDS = {b"1": b"1", b"true": b"1", b"0": b"0", b"false": b"0"}
_ALONE: tuple[Propagation, ...] = ("tracecontext",)
_LONGEST_BAGGAGE = 8192
"""Bytes of baggage (W3C Baggage §3.3.2 has it so); more is not passed on."""


class Context(Struct, frozen=True):
    """The context that a request came with: its trace and the span that called, in lower-case hexadecimal.

    *sampled* is None where the caller left it open. *state* is the ``tracestate``, *baggage* goes with it.
    """

    trace: str
    span: str
    sampled: bool | None = None
    state: bytes = b""
    baggage: bytes = b""


def read_context(headers: HeaderList, propagate: tuple[Propagation, ...]) -> Context | None:
    """Return the context that *headers* hold in the first of the ways *propagate* that has one."""
    baggage = _baggage(headers) if "baggage" in propagate else b""
    for way in propagate:
        found = _tracecontext(headers) if way == "tracecontext" else _b3(headers) if way == "b3" else None
        if found is not None:
            return Context(found.trace, found.span, found.sampled, found.state, baggage)
    return None


def _values(headers: HeaderList, name: bytes) -> list[bytes]:
    return [value for key, value in headers if key == name]


def _tracecontext(headers: HeaderList) -> Context | None:
    sent = _values(headers, b"traceparent")
    match = _PARENT(sent[0].strip(b" \t")) if len(sent) == 1 else None
    if match is None:
        return None
    version, trace, span, flags, more = match.groups()
    if version == b"ff" or (version == b"00" and more is not None) or not int(trace, 16) or not int(span, 16):
        return None
    return Context(trace.decode(), span.decode(), bool(int(flags, 16) & 1), _state(_values(headers, b"tracestate")))


def _state(values: list[bytes]) -> bytes:
    """Return the members of all lines as one; nothing when one is malformed, or there are more than 32 (§3.3.1)."""
    members = [member.strip(b" \t") for value in values for member in value.split(b",")]
    members = [member for member in members if member]
    if len(members) > _MOST_MEMBERS or not all(map(_MEMBER, members)):
        return b""
    return b",".join(members)


def _b3(headers: HeaderList) -> Context | None:
    sent = _values(headers, b"b3")
    single = _B3(sent[0].strip().lower()) if len(sent) == 1 else None
    if single is not None:
        return _b3_context(single[1], single[2], single[3])
    several = [_values(headers, name) for name in (b"x-b3-traceid", b"x-b3-spanid")]
    if any(len(values) != 1 for values in several):
        return None
    sampled, flags = (_values(headers, name)[:1] for name in (b"x-b3-sampled", b"x-b3-flags"))
    decided = b"1" if flags == [b"1"] else _B3_WORDS.get(sampled[0]) if sampled else None
    whole = b"-".join([values[0].strip().lower() for values in several])
    match = _B3(whole)
    return None if match is None else _b3_context(match[1], match[2], decided)


def _b3_context(trace: bytes, span: bytes, decided: bytes | None) -> Context | None:
    if not int(trace, 16) or not int(span, 16):
        return None
    return Context(trace.decode().zfill(32), span.decode(), None if decided is None else decided in (b"1", b"d"))


def _baggage(headers: HeaderList) -> bytes:
    joined = b",".join(_values(headers, b"baggage"))
    return joined if len(joined) <= _LONGEST_BAGGAGE else b""


def context_lines(
    trace: str, span: str, propagate: tuple[Propagation, ...], *, sampled: bool, state: bytes, baggage: bytes
) -> bytes:
    """Return the header lines that pass a context on in each of the ways *propagate*, each ended."""
    flag, lines = ("1" if sampled else "0"), b""
    if propagate == _ALONE and not state:  # as most have it
        return f"traceparent: 00-{trace}-{span}-0{flag}\r\n".encode("ascii")
    for way in propagate:
        if way == "tracecontext":
            lines += f"traceparent: 00-{trace}-{span}-0{flag}\r\n".encode("ascii")
            lines += b"tracestate: %b\r\n" % state if state else b""
        elif way == "b3":
            lines += f"b3: {trace}-{span}-{flag}\r\n".encode("ascii")
        elif baggage:
            lines += b"baggage: %b\r\n" % baggage
    return lines
