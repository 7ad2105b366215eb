"""Requests of a plan as they would be written, with placeholders, without secrets, without calling anybody."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import unquote_plus, urlsplit

from msgspec import Struct

from aggregator.errors import ExpressionError
from aggregator.http import field_text
from aggregator.plan.calls import CallPlan
from aggregator.plan.explaining.sending.messages import address_of, arrival_of
from aggregator.plan.requests import RequestPlan
from aggregator.telemetry.redaction import MASK, SECRET_HEADERS, Masker, redact_named, redact_text
from aggregator.templates import (
    Const,
    Expr,
    Expression,
    ListNode,
    MapNode,
    Node,
    Placeholder,
    Template,
    Text,
    encode_segment,
    encode_segments,
    json_text,
    text_of,
)

_SENSITIVE = re.compile(r"(?i)auth|token|secret|passw|cookie|session|signature|credential|api[-_]?key|(^|[-_])key$")

_BRACES = str.maketrans({"{": "%7B", "}": "%7D"})
_PORTS = {"http": 80, "https": 443}
_LONG = 4


class Veil:
    """Hides what nobody may read: values that came from a variable or a file, and what is secret by its name."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self._secrets = frozenset(secret for secret in secrets if secret)
        self._masker = Masker(self._secrets)

    def text(self, text: str) -> str:
        """Return *text* with every known secret and every credential in a URL masked."""
        return MASK if text in self._secrets else redact_text(self._masker(text))

    def named(self, name: str, text: str) -> str:
        """Return the value of the header or query parameter *name*, masked as a whole when any of it is secret."""
        is_secret = name.lower() in SECRET_HEADERS or _SENSITIVE.search(name) is not None
        return MASK if is_secret or self._holds_secret(text) else redact_text(text)

    def _holds_secret(self, text: str) -> bool:
        words = {text, *text.split()}
        return any(secret in words or (len(secret) >= _LONG and secret in text) for secret in self._secrets)

    def value(self, value: Any) -> Any:
        """Return JSON-like *value* with secrets masked at every depth."""
        return redact_named("", value, self.text)

    def upstream(self, name: str) -> str:
        """Return the name of an upstream; a call by its full URL has its origin for a name."""
        is_secret = "://" in name and any(_path_at(name, secret) is not None for secret in self._secrets)
        return f"{name.partition('://')[0]}://{MASK}" if is_secret else self.text(name)

    def path(self, origin: str, path: str) -> str:
        """Return *path* without the beginning that a variable holds, of whose URL *origin* is the other part."""
        beginnings = (rest for secret in self._secrets if (rest := _path_at(origin, secret)) and path.startswith(rest))
        beginning = max(beginnings, key=len, default="")
        return self.text(path) if beginning in ("", "/") else f"/{MASK}{self.text(path[len(beginning) :])}"


def _path_at(origin: str, url: str) -> str | None:
    """Return the path of *url* if it is one at *origin* (``http://host:port``), None otherwise."""
    try:
        parts, wanted = urlsplit(url), urlsplit(origin)
        is_there = (parts.scheme, parts.hostname) == (wanted.scheme, wanted.hostname)
        is_there = is_there and (parts.port or _PORTS.get(parts.scheme)) == (wanted.port or _PORTS.get(wanted.scheme))
    except ValueError:
        return None
    return parts.path.translate(_BRACES) if wanted.scheme and is_there else None


class RequestPreview(Struct, frozen=True):
    """One request: *target* is ``upstream:/path?query`` or a full URL; headers without Host; *body* as JSON or text.

    A message to a broker has no *method*, and as its *target* the name of the upstream; *address* is under what it goes
    there, by the words of the broker (``subject``), and *arrival* what is known once it has arrived.
    """

    method: str | None
    target: str
    headers: tuple[tuple[str, str], ...]
    body: str | None = None
    address: tuple[tuple[str, str], ...] = ()
    arrival: str | None = None

    @property
    def line(self) -> str:
        """Method and target: ``GET users:/u``, ``message to bus, subject orders.created``."""
        if self.method is None:
            return ", ".join([f"message to {self.target}", *(f"{kind} {name}" for kind, name in self.address)])
        return f"{self.method} {self.target}"


def preview(call: CallPlan, params: Mapping[str, Any], veil: Veil) -> RequestPreview:
    """Return the request of *call* with *params* in place of path parameters; other placeholders stay."""
    request, upstream = call.request, call.upstream.name
    separator = "" if "://" in upstream else ":"
    target, headers = _target(request, upstream, params, veil), tuple(_headers(request, params, veil))
    body = _body(request, params, veil)
    address = address_of(call.upstream, target)
    if address is not None:
        address = tuple((kind, veil.text(name)) for kind, name in address)
        return RequestPreview(None, veil.upstream(upstream), headers, body, address, arrival_of(call.upstream))
    return RequestPreview(request.method.decode(), f"{veil.upstream(upstream)}{separator}{target}", headers, body)


def _target(request: RequestPlan, upstream: str, params: Mapping[str, Any], veil: Veil) -> str:
    path = "".join(_piece(part, params) for part in request.url.segments)
    path, question, own = path.partition("?")
    pairs = [own] if question else []
    pairs += request.constant_query.decode().split("&") if request.constant_query else []
    shown_pairs = [_pair(pair, veil) for text in pairs for pair in text.split("&")]
    shown_pairs += [f"{name}={veil.named(name, text_of(shown(template, params)))}" for name, template in request.query]
    shown_pairs += [f"{name}=…" for name in request.forward_query]
    shown_pairs += ["…"] if request.forward_rest.query is not None else []
    return veil.path(upstream, path) + ("?" + "&".join(shown_pairs) if shown_pairs else "")


def _piece(part: bytes | Placeholder, params: Mapping[str, Any]) -> str:
    if isinstance(part, bytes):
        return part.decode()
    value = params.get(part.name.removesuffix(":path"))
    if value is None:
        return f"{{{part.name}}}"
    return (encode_segments if part.rest else encode_segment)(value, part.name).decode()


def _pair(pair: str, veil: Veil) -> str:
    name, equals, value = pair.partition("=")
    plain = unquote_plus(value)
    hidden = veil.named(unquote_plus(name), plain)
    return pair if hidden == plain else f"{name}{equals}{hidden}"


def _headers(request: RequestPlan, params: Mapping[str, Any], veil: Veil) -> Iterable[tuple[str, str]]:
    for line in request.constant_headers.split(b"\r\n"):
        name, _, value = field_text(line).partition(": ")
        if name and name != "host":
            yield name, veil.named(name, value)
    for raw, template in request.headers:
        yield raw.decode(), veil.named(raw.decode(), text_of(shown(template, params)))
    otherwise = dict(request.header_defaults)
    for raw in request.forward_headers:
        yield (
            raw.decode(),
            f"… (the client's, or {field_text(otherwise[raw])})" if raw in otherwise else "… (the client's)",
        )
    for name in dict.fromkeys(
        place.field if place.where == "header" else "authorization" for place in request.forward_caller
    ):
        yield name, "… (the caller's)"
    if request.forward_rest.headers is not None:
        yield "…", "all others of the client"
    if request.forward_client != "no":
        form = "forwarded" if request.forward_client == "forwarded" else "x-forwarded-for, -proto, -host"
        yield form, "… (who asked)"


def _body(request: RequestPlan, params: Mapping[str, Any], veil: Veil) -> str | None:
    if request.body_kind == "forward":
        return "… (the client's)"
    if request.body is None:
        return None
    return text_of(veil.value(shown(request.body, params)))


def shown(template: Template, params: Mapping[str, Any] | None = None) -> Any:
    """Return *template* as data, expressions as they are written; those that only read *params* are evaluated."""
    return _node(template.node, params or {})


def _node(node: Node, params: Mapping[str, Any]) -> Any:
    match node:
        case Const(value):
            return value
        case Expr(expression):
            return _expression(expression, params)
        case Text(parts):
            return "".join(part if isinstance(part, str) else text_of(_expression(part, params)) for part in parts)
        case ListNode(items):
            return [_node(item, params) for item in items]
        case MapNode(entries):
            return {name: _node(item, params) for name, item in entries}


def _expression(expression: Expression, params: Mapping[str, Any]) -> Any:
    if expression.roots and expression.roots <= params.keys():
        try:
            value = expression.evaluate(params)
            json_text(value)
        except ExpressionError:
            pass
        else:
            return value
    return f"{{{{ {expression.source} }}}}"
