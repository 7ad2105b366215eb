"""Durable effects as they may be shown: what they send, without secrets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import unquote_plus

from aggregator.codecs import json as json_codec
from aggregator.errors import AggregatorError
from aggregator.telemetry.hiding import NOTHING_HIDDEN, Hidden
from aggregator.telemetry.redaction import MASK, is_secret, redact_named, redact_text, redact_value

_FORM = "application/x-www-form-urlencoded"
_Clean = Callable[[str], str]


def masked(
    found: list[dict[str, Any]], mask: Callable[[str], str], hidden: Hidden = NOTHING_HIDDEN
) -> list[dict[str, Any]]:
    """Return what was *found* of effects as *mask* leaves its texts, and without what reads like a credential.

    What they send is shown without the places that are *hidden* in requests, too. What an upstream answered was masked
    when it was kept, but not by earlier programs; what is sent is kept as it is.
    """

    def clean(text: str) -> str:
        return redact_text(mask(text))

    return [_effect(one, clean, hidden) for one in found]


def _effect(one: dict[str, Any], clean: _Clean, hidden: Hidden) -> dict[str, Any]:
    shown: dict[str, Any] = redact_value(one, clean)
    if "request" in one:
        shown["request"] = _request(one["request"], clean, hidden)
    if "fallback" in one:
        others = zip(shown["fallback"], one["fallback"], strict=True)
        shown["fallback"] = [other | _request(sent, clean, hidden) for other, sent in others]
    if one.get("last") and isinstance(body := one["last"].get("body"), str):
        shown["last"]["body"] = _data(body, clean, NOTHING_HIDDEN) or clean(body)
    return shown


def _request(sent: dict[str, Any], clean: _Clean, hidden: Hidden) -> dict[str, Any]:
    """Return what is *sent*, its headers by their names, and its body by the names in it."""
    path, mark, query = sent["target"].partition("?")
    headers = [(name, hidden.header(name.lower(), value)) for name, value in sent["headers"]]
    kind = next((value for name, value in headers if name.lower() == "content-type"), "")
    body = sent["body"]
    return {
        "method": sent["method"],
        "target": clean(f"{path}{mark}{hidden.query_text(query)}"),
        "headers": [[clean(name), redact_named(name, value, clean)] for name, value in headers],
        "body": None if body is None else _body(body, kind, clean, hidden),
    }


def _body(body: str, kind: str, clean: _Clean, hidden: Hidden) -> str:
    """Return *body* of a *kind* (its media type); one that is no data is masked where places in bodies are hidden."""
    if kind.partition(";")[0].strip().lower() == _FORM:
        return clean(_form(body, hidden))
    shown = _data(body, clean, hidden)
    if shown is None:
        return MASK if body and hidden.body else clean(body)
    return shown


def _data(body: str, clean: _Clean, hidden: Hidden) -> str | None:
    """Return *body*, which is JSON, as it was sent if there is nothing to mask in it; None where it is none."""
    try:
        data = json_codec.decode(body.encode())
        shown = redact_value(hidden.body_value(data), clean)
        return body if shown == data else json_codec.encode(shown).decode()
    except AggregatorError:
        return None


def _form(body: str, hidden: Hidden) -> str:
    pairs = (pair.partition("=") for pair in body.split("&"))
    return "&".join([
        f"{name}={MASK}" if is_secret(known := unquote_plus(name)) or (known,) in hidden.body else name + mark + value
        for name, mark, value in pairs
    ])  # fmt: skip
