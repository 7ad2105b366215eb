"""What became of one part of an answer, as JSON text, as data, or as a failure.

Made by the parts, read by assembly, expressions, problems, headers and logs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aggregator.codecs import json as json_codec
from aggregator.errors import CallError, Cause
from aggregator.exchange import HeaderList, State
from aggregator.transport import Reply

_UNREAD: Any = object()


class Result:
    """One part's end: its state, its upstream's status and headers, and its body in the form that is asked for.

    *raw* is the body as it came (decompressed). ``json`` is JSON text ready to be copied, ``value`` the same as
    data; each is made from the other, or by *decoder* from *raw*, once, when it is first asked for. *reply* is what
    a call got, with the instants of its way.
    """

    __slots__ = (
        "_json", "_value", "attempts", "cause", "decoder", "ended", "error", "headers", "name", "parts", "raw",
        "reply", "started", "state", "status", "tried", "upstream",
    )  # fmt: skip

    def __init__(self, name: str, state: State = State.OK, status: int = 0) -> None:
        self.name = name
        self.state = state
        self.status = status
        self.headers: HeaderList = []
        self.raw = b""
        self.reply: Reply | None = None
        self.decoder: Callable[[bytes], Any] | None = None
        self.cause: Cause | None = None
        self.error: CallError | None = None
        self.upstream = ""
        self.started = 0.0
        self.ended = 0.0
        self.attempts = 1
        self.parts: tuple[Result, ...] = ()
        self.tried: tuple[Result, ...] = ()
        self._json: bytes | None = None
        self._value: Any = _UNREAD

    @property
    def json(self) -> bytes:
        """The body as JSON text; ``null`` for what has none."""
        if self._json is None:
            self._json = json_codec.encode(self.value)
        return self._json

    @json.setter
    def json(self, text: bytes) -> None:
        self._json = text
        self._value = _UNREAD

    @property
    def value(self) -> Any:
        """The body as data; None for what has none."""
        if self._value is _UNREAD:
            self._value = self._read()
        return self._value

    @value.setter
    def value(self, value: Any) -> None:
        self._value = value
        self._json = None

    def _read(self) -> Any:
        if self._json is not None:
            return json_codec.decode(self._json)
        return None if self.decoder is None else self.decoder(self.raw)

    @property
    def milliseconds(self) -> float:
        """How long the part took."""
        return max(0.0, (self.ended - self.started) * 1000.0)

    def header_map(self) -> dict[str, str]:
        """Give the headers by lower-case name, repeated ones joined (RFC 9110 §5.3)."""
        found: dict[str, str] = {}
        for name, value in self.headers:
            key, text = name.decode("latin-1"), value.decode("latin-1")
            found[key] = f"{found[key]}, {text}" if key in found else text
        return found

    def view(self) -> dict[str, Any]:
        """What expressions see as ``this`` and as ``calls.NAME``."""
        return {
            "status": self.status or None,
            "headers": self.header_map(),
            "body": self.value,
            "state": self.state.value,
            "cause": self.cause.value if self.cause else None,
        }


def failed(name: str, error: CallError, *, upstream: str = "", status: int = 0) -> Result:
    """Give the result of a part that ended with *error*."""
    result = Result(name, State.FAILED, status)
    result.error = error
    result.cause = error.cause
    result.upstream = upstream
    return result


def skipped(name: str) -> Result:
    """Give the result of a part that was not wanted: ``when`` did not hold."""
    result = Result(name, State.SKIPPED)
    result.attempts = 0
    return result
