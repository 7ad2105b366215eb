"""One request to an upstream as bytes: target, header block, body; compiled once from its plan."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from aggregator.codecs.form import encode_form
from aggregator.errors import ExpressionError
from aggregator.plan.types import RequestPlan
from aggregator.runtime.frame import Frame
from aggregator.runtime.names import Names
from aggregator.runtime.splicing import Writer, compile_json
from aggregator.templates import MISSING, Template, header_value, percent_encode

Target = Callable[[Frame], bytes]
Headers = Callable[[Frame], bytes]


class Rendered(NamedTuple):
    """A request ready to be sent: its target, its header block without the blank line, its body."""

    target: bytes
    headers: bytes
    body: bytes | None


def compile_target(plan: RequestPlan, path_params: tuple[str, ...]) -> Target:
    """Give the function that writes the request target; *path_params* are those of the endpoint, in order."""
    base = _base_target(plan, path_params)
    if not (plan.constant_query or plan.query or plan.forward_query):
        return base
    constant, templates, forwarded = (
        plan.constant_query,
        plan.query,
        frozenset(n.encode() for n in plan.forward_query),
    )

    def target(frame: Frame) -> bytes:
        path = base(frame)
        pairs = [constant] if constant else []
        pairs.extend(_query_pairs(templates, frame.names))
        if forwarded and frame.exchange.query_string:
            pairs.extend(p for p in frame.exchange.query_string.split(b"&") if p.split(b"=", 1)[0] in forwarded)
        if not pairs:
            return path
        return path + (b"&" if b"?" in path else b"?") + b"&".join(pairs)

    return target


def _base_target(plan: RequestPlan, path_params: tuple[str, ...]) -> Target:
    url, prefix = plan.url, plan.prefix
    if url.is_constant:
        constant = prefix + url.render({})
        return lambda _: constant
    fast = url.compile_fast(path_params)
    if fast is not None:
        return lambda frame: prefix + fast(frame.exchange.segments)
    return lambda frame: prefix + url.render(frame.names)


def _query_pairs(templates: tuple[tuple[str, Template], ...], names: Names) -> list[bytes]:
    pairs: list[bytes] = []
    for key, template in templates:
        value = template.render(names, missing="null")
        for single in value if isinstance(value, list) else (value,):
            if single is not None and single is not MISSING:
                pairs.append(percent_encode(key) + b"=" + percent_encode(scalar_text(single, key)))
    return pairs


def scalar_text(value: Any, where: str) -> str:
    """Give the text of a single value for a query or a header; an object or a list has none."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise ExpressionError(
        f"'{where}' needs a single value, not {'a list' if isinstance(value, list) else 'an object'}."
    )


def compile_headers(plan: RequestPlan) -> Headers:
    """Give the function that writes the header block."""
    constant, templates, forwarded = plan.constant_headers, plan.headers, frozenset(plan.forward_headers)
    if not templates and not forwarded:
        return lambda _: constant

    def headers(frame: Frame) -> bytes:
        lines = [constant]
        for name, template in templates:
            value = template.render(frame.names, missing="null")
            if value is not None and value is not MISSING:
                lines.append(name + b": " + header_value(scalar_text(value, name.decode())) + b"\r\n")
        if forwarded:
            lines.extend(n + b": " + v + b"\r\n" for n, v in frame.exchange.header_list if n in forwarded)
        return b"".join(lines)

    return headers


def compile_body(plan: RequestPlan) -> Callable[[Frame], tuple[bytes | None, bytes]] | None:
    """Give the function that writes the body and the header lines that describe it; None when there is no body."""
    match plan.body_kind:
        case "none":
            return None
        case "forward":
            return _forwarded
        case "json" | "graphql":
            assert plan.body is not None
            return _json(compile_json(plan.body))
        case "form":
            return _form(plan)
        case "multipart":
            return _multipart(plan)
        case "text":
            return _text(plan)


def _forwarded(frame: Frame) -> tuple[bytes | None, bytes]:
    kind = next((value for name, value in frame.exchange.header_list if name == b"content-type"), None)
    return frame.exchange.body, b"" if kind is None else b"content-type: " + kind + b"\r\n"


def _json(write: Writer) -> Callable[[Frame], tuple[bytes | None, bytes]]:
    return lambda frame: (write(frame.names), b"content-type: application/json\r\n")


def _form(plan: RequestPlan) -> Callable[[Frame], tuple[bytes | None, bytes]]:
    template = plan.body
    assert template is not None

    def body(frame: Frame) -> tuple[bytes | None, bytes]:
        values = template.render(frame.names, missing="null")
        return encode_form({k: v for k, v in values.items() if v is not None}), _FORM_TYPE

    return body


def _multipart(plan: RequestPlan) -> Callable[[Frame], tuple[bytes | None, bytes]]:
    from aggregator.runtime.multipart import build_multipart

    template = plan.body
    assert template is not None

    def body(frame: Frame) -> tuple[bytes | None, bytes]:
        content_type, text = build_multipart(template.render(frame.names, missing="null"))
        return text, b"content-type: " + content_type + b"\r\n"

    return body


def _text(plan: RequestPlan) -> Callable[[Frame], tuple[bytes | None, bytes]]:
    template = plan.body
    assert template is not None

    def body(frame: Frame) -> tuple[bytes | None, bytes]:
        value = template.render(frame.names, missing="null")
        return ("" if value is None else scalar_text(value, "body")).encode(), b""

    return body


_FORM_TYPE = b"content-type: application/x-www-form-urlencoded\r\n"
