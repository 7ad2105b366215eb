"""What a request that is recorded proves itself with, wherever it may turn up again."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qsl, unquote_plus

from aggregator.codecs import json as json_codec
from aggregator.config.drafting.draft import is_secret
from aggregator.demo.messages import Request
from aggregator.errors import AggregatorError
from aggregator.http import CREDENTIALS
from aggregator.telemetry import redaction
from aggregator.telemetry.hiding import Hidden
from aggregator.telemetry.redaction import MASK, Masker, redact_text

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_SECRET_WORDS = frozenset({
    "credential", "credentials", "jwt", "passphrase", "passwd", "password", "pwd", "secret", "signature", "token",
})  # fmt: skip
_SECRET_PAIRS = frozenset({"access_key", "api_key", "private_key", "secret_key", "session_id"})
_FORM = "application/x-www-form-urlencoded"


def is_named_secret(name: str) -> bool:
    """Return whether a field or a pair of a query called *name* is a credential."""
    return redaction.is_secret(name) or is_secret(name)


def is_secret_member(name: str) -> bool:
    """Return whether a member of JSON or a field of a form called *name* is a credential: ``accessToken``.

    Data have more names than fields have, so that the last words have to say it: an ``author`` is none.
    """
    words = [word.lower() for word in _WORD.findall(name)]
    last = words[-1] if words else ""
    return redaction.is_secret(name) or last in _SECRET_WORDS or "_".join(words[-2:]) in _SECRET_PAIRS


def without_secrets(value: Any) -> Any:
    """Return *value*, which is JSON, with texts that are credentials by their names masked."""
    if isinstance(value, list):
        return [without_secrets(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        name: MASK if isinstance(item, str) and is_secret_member(name) else without_secrets(item)
        for name, item in value.items()
    }


def is_hidden_pair(pair: str, hidden: Hidden) -> bool:
    """Return whether *pair* of a query is a credential, or *hidden*."""
    name = unquote_plus(pair.partition("=")[0])
    return name in hidden.query or is_named_secret(name) or name.lower() == "code"


def cleaner(request: Request, hidden: Hidden) -> Callable[[str], str]:
    """Return what takes credentials out of texts, and those that *request* proves itself with, in each spelling."""
    mask = Masker({*_of_fields(request, hidden), *_of_query(request, hidden), *_of_body(request)})
    return lambda text: mask(redact_text(text))


def _of_fields(request: Request, hidden: Hidden) -> Iterator[str]:
    for name, value in request.headers.items():
        if name == "cookie":
            yield from (pair.partition("=")[2].strip() for pair in value.split(";"))
        elif name in CREDENTIALS or name in hidden.headers or is_named_secret(name):
            scheme, _, rest = value.partition(" ")
            yield from (value, rest.strip())
            if scheme.lower() == "basic":
                yield _password(rest.strip())


def _password(text: str) -> str:
    """Return the password in the credentials *text* of a user (RFC 7617); empty where there is none."""
    try:
        return base64.b64decode(text).decode().partition(":")[2]
    except (binascii.Error, ValueError):
        return ""


def _of_query(request: Request, hidden: Hidden) -> Iterator[str]:
    for pair in request.target.partition("?")[2].split("&"):
        if is_hidden_pair(pair, hidden):
            yield unquote_plus(pair.partition("=")[2])


def _of_body(request: Request) -> Iterator[str]:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() == _FORM:
        pairs = parse_qsl(request.body.decode(errors="replace"))
        yield from (value for name, value in pairs if is_secret_member(name))
        return
    try:
        yield from _members(json_codec.decode(request.body))
    except AggregatorError:
        return


def _members(value: Any) -> Iterator[str]:
    """Yield the texts in *value* that stand under the name of a credential."""
    if isinstance(value, list):
        for item in value:
            yield from _members(item)
    elif isinstance(value, dict):
        for name, item in value.items():
            if isinstance(item, str) and is_secret_member(name):
                yield item
            yield from _members(item)
