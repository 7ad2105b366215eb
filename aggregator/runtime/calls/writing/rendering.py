"""One request to an upstream as bytes: target, header block, body; compiled once from its plan."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias
from urllib.parse import unquote_to_bytes

from msgspec import Struct

from aggregator.codecs.formats.form import encode_form
from aggregator.errors import ExpressionError
from aggregator.parts.frame import Frame
from aggregator.parts.names import Names
from aggregator.plan.requests import RequestPlan
from aggregator.policies.credentials.callers import caller_line
from aggregator.runtime.calls.writing.forwarding import client_lines, rest_of
from aggregator.runtime.calls.writing.splicing import Writer, compile_json
from aggregator.runtime.parts.blame import told
from aggregator.templates import MISSING, Splice, Template, header_value, percent_encode, text_of
from aggregator.templates.expressions.data import kind_of

Target = Callable[[Frame], bytes]
Headers = Callable[[Frame], bytes]
Described: TypeAlias = tuple[bytes | None, bytes]
"""A body, and the header lines that say what it is."""
Body = Callable[[Frame], Described]


class Rendered(Struct, frozen=True):
    """A request ready to be sent: its target, its header block without the blank line, its body."""

    target: bytes
    headers: bytes
    body: bytes | None

    def __repr__(self) -> str:  # what it holds stays out of logs
        return "<Rendered>"


def plain_target(plan: RequestPlan, path_params: tuple[str, ...]) -> tuple[bytes, Splice, bytes] | None:
    """Return what writes the target, when it takes nothing but *path_params*: those of the endpoint, in order.

    That is its head, what renders it with the parameters, and its tail. The parameter that takes the rest of the
    path is written ``name:path``, as in the URL of the call.
    """
    if plan.constant_query or plan.query or plan.forward_query or plan.forward_rest.query is not None:
        return None
    found = plan.url.splice(path_params, raw=plan.raw_path)
    return None if found is None else (plan.prefix + found[0], *found[1:])


def compile_target(plan: RequestPlan, path_params: tuple[str, ...]) -> Target:
    """Return the function that writes the request target; *path_params* are as for `plain_target`."""
    base = _base_target(plan, path_params)
    withheld = plan.forward_rest.query
    if not (plan.constant_query or plan.query or plan.forward_query or withheld is not None):
        return base
    constant, templates, forwarded = plan.constant_query, plan.query, frozenset(plan.forward_query)

    def target(frame: Frame) -> bytes:
        path = base(frame)
        pairs = [constant] if constant else []
        pairs.extend(_query_pairs(templates, frame.names))
        if (forwarded or withheld is not None) and frame.exchange.query_string:
            pairs.extend(forwarded_pairs(frame.exchange.query_string, forwarded, withheld))
        if not pairs:
            return path
        return path + (b"&" if b"?" in path else b"?") + b"&".join(pairs)

    return target


def forwarded_pairs(
    query_string: bytes, names: frozenset[str], withheld: frozenset[str] | None = None
) -> Iterator[bytes]:
    """Yield the parameters in *names*, or all but those *withheld*, as they were sent, in canonical encoding."""
    for pair in query_string.split(b"&"):
        name, equals, value = pair.partition(b"=")
        plain = _unquoted(name)
        text = plain.decode("utf-8", "replace")
        if text in names if withheld is None else pair and text not in withheld:
            yield percent_encode(plain) + equals + percent_encode(_unquoted(value))


def _unquoted(text: bytes) -> bytes:
    return unquote_to_bytes(text.replace(b"+", b" "))


def _base_target(plan: RequestPlan, path_params: tuple[str, ...]) -> Target:
    url, prefix = plan.url, plan.prefix
    found = url.splice(path_params, raw=plan.raw_path)
    if found is None:
        render = url.renderer(raw=plan.raw_path)
        return lambda frame: prefix + render(frame.names)
    head, splice, tail = prefix + found[0], *found[1:]
    return lambda frame: splice.render(head, frame.exchange.segments, tail)


def _query_pairs(templates: tuple[tuple[str, Template], ...], names: Names) -> Iterator[bytes]:
    for key, template in templates:
        value = template.render(names, missing="null")
        for single in value if isinstance(value, list) else (value,):
            if single is not None and single is not MISSING:
                try:
                    text = percent_encode(scalar_text(single, key))
                except ExpressionError as error:
                    error.reading(template.references)
                    raise
                yield percent_encode(key) + b"=" + text


def scalar_text(value: Any, where: str) -> str:
    """Return the text of a single value for a query or a header; an object or a list has none."""
    if isinstance(value, str | int | float):
        return text_of(value)
    raise ExpressionError(f"'{where}' needs a single value, not {kind_of(value)}.")


def compile_headers(plan: RequestPlan) -> Headers | None:
    """Return the function that writes the header block; None when it is the constant one of *plan*."""
    constant, templates, forwarded = plan.constant_headers, plan.headers, frozenset(plan.forward_headers)
    rest, client, places = plan.forward_rest.headers, client_lines(plan.forward_client), plan.forward_caller
    if not (templates or forwarded or places) and rest is None and client is None:
        return None
    defaults = plan.header_defaults

    def headers(frame: Frame) -> bytes:
        lines = [constant]
        for name, template in templates:
            value = template.render(frame.names, missing="null")
            if value is not None and value is not MISSING:
                try:
                    lines.append(b"%b: %b\r\n" % (name, header_value(scalar_text(value, name.decode()))))
                except ExpressionError as error:
                    told(error, template, frame.names, header_value)
                    raise
        if forwarded or rest is not None:
            fields = frame.exchange.header_list
            sent = [(name, value) for name, value in fields if name in forwarded]
            sent += () if rest is None else rest_of(fields, rest)
            names = [name for name, _ in sent]
            sent += [(name, value) for name, value in defaults if name not in names]
            lines += [b"%b: %b\r\n" % field for field in sent]
        if client is not None:
            lines += client(frame.exchange)
        if places:
            lines.append(caller_line(places, frame.exchange))
        return b"".join(lines)

    return headers


def compile_body(plan: RequestPlan) -> Body | None:
    """Return the function that writes the body and the header lines that describe it; None when there is no body."""
    typed = b"\r\ncontent-type: " in plan.constant_headers or any(name == b"content-type" for name, _ in plan.headers)
    template = plan.body
    if plan.body_kind == "none":
        return None
    if template is None:
        return _forwarded
    match plan.body_kind:
        case "form":
            return _form(template, b"" if typed else _FORM_TYPE)
        case "multipart":
            return _multipart(template)
        case "text":
            return _text(template)
    return _json(compile_json(template), b"" if typed else _JSON_TYPE)


def _forwarded(frame: Frame) -> Described:
    """Return the client's body as it came, with what says how to read it (RFC 9110 §8.3, §8.4)."""
    exchange = frame.exchange
    lines = [b"%b: %b\r\n" % field for field in exchange.header_list if field[0] in _DESCRIPTION]
    return exchange.body if exchange.body or lines else None, b"".join(lines)


def _json(write: Writer, line: bytes) -> Body:
    return lambda frame: (write(frame.names), line)


def _form(template: Template, line: bytes) -> Body:
    def body(frame: Frame) -> Described:
        value = template.render(frame.names, missing="null")
        try:
            return encode_form(value), line
        except ExpressionError as error:
            error.reading(template.references)
            raise

    return body


def _multipart(template: Template) -> Body:
    from aggregator.runtime.calls.writing.multipart import build_multipart

    def body(frame: Frame) -> Described:
        content_type, text = build_multipart(template.render(frame.names, missing="null"))
        return text, b"content-type: " + content_type + b"\r\n"

    return body


def _text(template: Template) -> Body:
    def body(frame: Frame) -> Described:
        value = template.render(frame.names, missing="null")
        try:
            return b"" if value is None or value is MISSING else scalar_text(value, "body").encode(), b""
        except ExpressionError as error:
            error.reading(template.references)
            raise

    return body


_FORM_TYPE = b"content-type: application/x-www-form-urlencoded\r\n"
_JSON_TYPE = b"content-type: application/json\r\n"
_DESCRIPTION = frozenset({b"content-type", b"content-encoding"})
