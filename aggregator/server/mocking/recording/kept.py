"""What of an answer is written down: its key, and its settings without credentials."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

from msgspec import Struct

from aggregator.codecs import json as json_codec
from aggregator.demo.messages import Request
from aggregator.errors import AggregatorError
from aggregator.http import FRAMING, METHODS
from aggregator.server.mocking.recording.proofs import cleaner, is_hidden_pair, is_named_secret, without_secrets
from aggregator.telemetry.hiding import Hidden
from aggregator.telemetry.redaction import redact_value

MOST_BODY = 256 * 1024
"""Bytes of a body that are written down; a longer one is passed on."""
_OF_THE_MOMENT = FRAMING | {"age", "alt-svc", "content-encoding", "date", "server", "via"}
"""Fields that are true of one answer or of one connection."""
_OF_THE_CALLER = frozenset({401, 403, 407, 408, 425, 429, 206, 304})
"""Statuses that say something of who asks, or how: others would be served what was meant for one."""
_SYNTAX = re.compile(r"\{\{|\{%|\{#|\$\{")


class NotKeptError(AggregatorError):
    """The answer is not written down; the text says why."""


class Answer(Struct):
    """An answer of the upstream, its *body* decoded, its *fields* with names in lower case."""

    status: int
    fields: list[tuple[str, str]]
    body: bytes


class Kept(Struct):
    """A recorded answer; *value* is its body as JSON, or as text where *is_text*."""

    status: int
    fields: list[tuple[str, str]]
    value: Any = None
    is_text: bool = True

    @property
    def body(self) -> bytes:
        """The bytes of the body."""
        return self.value.encode() if self.is_text else json_codec.encode(self.value)

    @property
    def settings(self) -> dict[str, Any]:
        """It as the settings of a route."""
        said: dict[str, Any] = {} if self.status == 200 else {"status": self.status}
        default = None if self.is_text else ("content-type", "application/json")
        headers = {name: _literal(value) for name, value in self.fields if (name, value) != default}
        said |= {"headers": headers} if headers else {}
        return said | ({} if self.value == "" and self.is_text else self._content())

    def _content(self) -> dict[str, Any]:
        return {"body" if self.is_text else "json": _literal(self.value)}


def key_of(request: Request, hidden: Hidden) -> str:
    """Return the key of the route that answers *request*: ``GET /list?page=2``, without credentials of its query."""
    path, _, query = request.target.partition("?")
    path = path.replace("{", "%7B").replace("}", "%7D")
    pairs = [pair for pair in query.split("&") if pair and not is_hidden_pair(pair, hidden)]
    return f"{request.method} {path}" + (f"?{quote('&'.join(pairs), safe=_OF_QUERIES)}" if pairs else "")


_OF_QUERIES = "!$%&'()*+,-./:;=?@_~"


def kept(request: Request, answer: Answer, hidden: Hidden) -> Kept:
    """Return what is written down of *answer* to *request*, which is no HEAD. Raises NotKeptError for what is not."""
    if request.method not in METHODS:
        raise NotKeptError(f"a mock has no routes for {request.method}")
    if answer.status in _OF_THE_CALLER or answer.status >= 500:
        raise NotKeptError(f"{answer.status} is an answer of the moment; `fail` is the word for faults")
    if len(answer.body) > MOST_BODY:
        raise NotKeptError(f"the body has more than {MOST_BODY // 1024} KiB")
    clean = cleaner(request, hidden)
    if clean(key := key_of(request, hidden)) != key:
        raise NotKeptError("its path or query holds a credential that the request proves itself with")
    fields = [
        (name, clean(hidden.header(name, value)))
        for name, value in answer.fields
        if name not in _OF_THE_MOMENT and not is_named_secret(name)
    ]
    value = _data(answer)
    if value is not _NO_DATA:
        return Kept(
            answer.status, fields, redact_value(without_secrets(hidden.body_value(value)), clean), is_text=False
        )
    if hidden.body and answer.body:
        raise NotKeptError("the body is no JSON, so that what is to be hidden in it cannot be found")
    return Kept(answer.status, fields, clean(_text(answer.body)))


_NO_DATA = object()


def _data(answer: Answer) -> Any:
    """Return the body as data where it is declared to be JSON, and is."""
    media = next((value for name, value in answer.fields if name == "content-type"), "").partition(";")[0].strip()
    if media != "application/json" and not media.endswith("+json"):
        return _NO_DATA
    try:
        return json_codec.decode(answer.body)
    except AggregatorError:
        return _NO_DATA


def _text(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise NotKeptError("the body is no text in UTF-8") from None


def _literal(value: Any) -> Any:
    """Return *value* so that texts in it are taken as they are: neither expressions nor variables."""
    if isinstance(value, str):
        return _SYNTAX.sub(lambda found: _SPELLED.get(found[0]) or f"{{{{ '{found[0]}' }}}}", value)
    if isinstance(value, dict):
        return {name: _literal(item) for name, item in value.items()}
    return [_literal(item) for item in value] if isinstance(value, list) else value


_SPELLED = {"${": "{{ '$' }}{{ '{' }}"}
