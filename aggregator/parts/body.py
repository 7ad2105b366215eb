"""The body of a result: as it came, as JSON text, as data. Each form is made once, when it is asked for.

Results of the same reply share its data: a ``Decoded``, which is made once and lives as long as one of them.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from threading import Lock
from typing import Any
from weakref import ref

from msgspec import Struct

from aggregator.codecs import json as json_codec
from aggregator.errors import AggregatorError
from aggregator.transport import Reply

UNREAD: Any = object()
"""Stands for data that was not made yet."""
SHORT = 16 * 1024
"""Bytes of a text that each result decodes for itself, in a quarter of a millisecond."""


_sharing = Lock()  # a reply may be judged in two threads at once


class Decoded:
    """The data of *text*, made by *decode* in any thread, once: whoever comes meanwhile waits. Nobody may change it."""

    __slots__ = ("__weakref__", "_as_sent", "_making", "_value", "decode", "reading", "text")

    def __init__(self, text: bytes, decode: Callable[[bytes], Any]) -> None:
        self.text = text
        self.decode = decode
        self.reading: Any = None
        """The future of whoever makes it now, None while nobody does."""
        self._making = Lock()
        self._value: Any = UNREAD
        self._as_sent: Any = UNREAD

    @property
    def is_there(self) -> bool:
        """Whether ``value`` was made."""
        return self._value is not UNREAD

    @property
    def value(self) -> Any:
        """The text as data."""
        if self._value is UNREAD:
            with self._making:
                if self._value is UNREAD:
                    self._value = self.decode(self.text)
        return self._value

    @property
    def as_sent(self) -> Any:
        """The text as data that keeps every digit of its numbers."""
        if self._as_sent is UNREAD:
            self._as_sent = json_codec.decode_exact(self.text)
        return self._as_sent


def decoded_of(reply: Reply, text: bytes, decode: Callable[[bytes], Any]) -> Decoded:
    """Return the data of *text*, by *decode*, which all results of *reply* share that read it so."""
    with _sharing:
        known: Decoded | None = None if reply.decoded is None else reply.decoded()
        if known is not None and known.decode is decode and (known.text is text or known.text == text):
            return known
        made = Decoded(text, decode)
        reply.decoded = ref(made)
        return made


class Body(Struct, eq=False, kw_only=True):
    """A body: *raw* is what came (decompressed), ``json`` is JSON text, ``value`` is data, made by *decoder*."""

    raw: bytes = b""
    decoder: Callable[[bytes], Any] | None = None
    _json: bytes | None = None
    _value: Any = UNREAD
    _as_sent: tuple[bytes, Any] | None = None
    _decoded: Decoded | None = None

    @property
    def size(self) -> int:
        """The bytes of its body, in the form that it has now."""
        return len(self.raw if self._json is None else self._json)

    @property
    def json(self) -> bytes:
        """The body as JSON text; ``null`` for what has none."""
        if self._json is None:
            self._json = json_codec.encode(self.value)
        return self._json

    @json.setter
    def json(self, text: bytes) -> None:
        self._json = text
        self._value = UNREAD

    @property
    def value(self) -> Any:
        """The body as data, not to be changed; None for what has none."""
        if self._value is UNREAD:
            self._value = self._read()
        return self._value

    @value.setter
    def value(self, value: Any) -> None:
        self._value = value
        self._json = None

    @property
    def own_value(self) -> Any:
        """The body as data of this result alone, which may be changed."""
        if self._decoded is None:
            return self.value
        decoded, self._decoded = self.decoded, None
        if decoded is not None:
            self._value = decoded.decode(decoded.text)
            return self._value
        try:
            self._value = json_codec.decode(self.json)
        except AggregatorError:
            self._value = deepcopy(self.value)
        return self._value

    @property
    def is_read(self) -> bool:
        """Whether the body is there as data, so that nobody has to decode it any more."""
        if self._value is not UNREAD:
            return True
        decoded = self._decoded
        return decoded is not None and decoded.is_there and self._stands_for(decoded)

    @property
    def decoded(self) -> Decoded | None:
        """The data that it shares with other results of its reply; None when it shares none."""
        decoded = self._decoded
        return decoded if decoded is not None and self._stands_for(decoded) else None

    @property
    def exact(self) -> Any:
        """The body as data whose structure may be changed: no digit of its numbers is lost. Not for arithmetic."""
        return json_codec.decode_exact(self.json)

    @property
    def as_sent(self) -> Any:
        """As ``exact``, read once for all that only copy from it: not to be changed."""
        text = self.json
        known = self._as_sent
        if known is None or known[0] is not text:
            decoded = self.decoded
            sent = json_codec.decode_exact(text) if decoded is None else decoded.as_sent
            known = self._as_sent = (text, sent)
        return known[1]

    def is_written(self, text: bytes) -> None:
        """Take note that *text* is the JSON text of its data."""
        self._json = text

    def shares(self, reply: Reply) -> None:
        """Share the data with other results of *reply*, unless the text is short."""
        text, decode = (self.raw, self.decoder) if self._json is None else (self._json, json_codec.decode)
        if decode is not None and len(text) > SHORT:
            self._decoded = decoded_of(reply, text, decode)

    def _stands_for(self, decoded: Decoded) -> bool:
        """Return whether *decoded* is of the text that the body has now."""
        if self._json is None:
            return decoded.text is self.raw and decoded.decode is self.decoder
        return decoded.decode is json_codec.decode and (decoded.text is self._json or decoded.text == self._json)

    def _read(self) -> Any:
        decoded = self.decoded
        if decoded is not None:
            return decoded.value
        if self._json is not None:
            return json_codec.decode(self._json)
        return None if self.decoder is None else self.decoder(self.raw)
