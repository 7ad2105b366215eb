"""A request as a message: the path is its subject, the header fields and the body are its own."""

from __future__ import annotations

from urllib.parse import unquote_to_bytes

from msgspec import Struct

from aggregator.errors import CallError, Cause

_OF_HTTP = frozenset(
    {
        b"accept", b"accept-encoding", b"authorization", b"connection", b"content-length", b"cookie", b"expect",
        b"host", b"keep-alive", b"proxy-authorization", b"te", b"trailer", b"transfer-encoding", b"upgrade",
        b"user-agent",
    }
)  # fmt: skip
"""Header fields that are about a connection of HTTP, or about an answer that no broker gives."""
_KEY = b"idempotency-key"


class Message(Struct, frozen=True):
    """A message: *fields* by lower-case name, and *id*, if any, by which consumers recognize a repeated one."""

    subject: str
    fields: tuple[tuple[str, str], ...]
    body: bytes
    id: str | None = None

    @property
    def joined(self) -> dict[str, str]:
        """The fields by name, the values of one that stands there several times in one line (RFC 9110 §5.3)."""
        found: dict[str, str] = {}
        for name, value in self.fields:
            found[name] = f"{found[name]}, {value}" if name in found else value
        return found


def message_of(target: bytes, headers: bytes, body: bytes | None) -> Message:
    """Return the message of a request; raises ``CallError`` for a path that is no subject."""
    lines = [line.partition(b":") for line in headers.split(b"\r\n") if line]
    fields = [(name.lower(), value.strip()) for name, _, value in lines]
    key = next((value for name, value in fields if name == _KEY), None)
    return Message(
        _subject(target),
        tuple((_text(name), _text(value)) for name, value in fields if name not in _OF_HTTP),
        body or b"",
        None if key is None else _text(key),
    )


def bad_subject() -> CallError:
    """Return the failure of a call whose path is no subject for its broker."""
    return CallError(Cause.INPUT, "The path of the call names nothing that the broker could have.")


def _subject(target: bytes) -> str:
    path = unquote_to_bytes(target.partition(b"?")[0].removeprefix(b"/"))
    try:
        subject = path.decode()
    except UnicodeDecodeError:
        subject = ""
    if not subject or not subject.isprintable():
        raise bad_subject()
    return subject


def _text(value: bytes) -> str:
    """Return a value of a header as text: UTF-8, or else Latin-1 (RFC 9110 §5.5)."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")
