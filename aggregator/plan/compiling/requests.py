"""How one request to an upstream is written: everything constant becomes bytes here."""

from __future__ import annotations

from aggregator.config.model.call import CallSettings, GraphqlSettings
from aggregator.config.model.client import ForwardSettings
from aggregator.plan.types import BodyKind, RequestPlan, UpstreamPlan
from aggregator.templates import (
    Const,
    MapNode,
    Node,
    Template,
    UrlTemplate,
    compile_value,
    header_value,
    percent_encode,
    text_of,
)
from aggregator.transport import accept_encoding

_BODIES: tuple[tuple[str, BodyKind], ...] = (
    ("json_", "json"),
    ("form", "form"),
    ("multipart", "multipart"),
    ("body", "text"),
)


def compile_request(
    url: UrlTemplate,
    settings: CallSettings,
    upstream: UpstreamPlan,
    user_agent: str,
    forwards: tuple[ForwardSettings | None, ...],
) -> RequestPlan:
    """Give the request of a call; *forwards* are the settings that apply, their lists are added up."""
    kind, body = _body(settings, forwards)
    constant, headers = _headers(settings, upstream, user_agent, kind)
    constant_query, query = _query(settings, upstream)
    return RequestPlan(
        method=method_of(url, settings, kind).encode(),
        url=url,
        prefix=upstream.prefix,
        constant_query=constant_query,
        query=query,
        constant_headers=constant,
        headers=headers,
        body_kind=kind,
        body=body,
        forward_headers=_forwarded_headers(forwards, settings, upstream),
        forward_query=tuple(dict.fromkeys(name for forward in forwards if forward for name in forward.query)),
    )


def method_of(url: UrlTemplate, settings: CallSettings, kind: BodyKind) -> str:
    """Give the method of a call: as said, or POST when it has a body, or GET."""
    return settings.method or url.method or ("GET" if kind == "none" else "POST")


def _body(settings: CallSettings, forwards: tuple[ForwardSettings | None, ...]) -> tuple[BodyKind, Template | None]:
    if settings.graphql is not None:
        return "graphql", _operation(settings.graphql)
    for name, kind in _BODIES:
        if name in settings.model_fields_set and getattr(settings, name) is not None:
            return kind, compile_value(getattr(settings, name))
    if any(forward is not None and forward.body for forward in forwards):
        return "forward", None
    return ("json", compile_value(None)) if "json_" in settings.model_fields_set else ("none", None)


def _operation(settings: GraphqlSettings) -> Template:
    """Give the body of a GraphQL request; the text of the operation is never a template."""
    entries: list[tuple[str, Node]] = [("query", Const(settings.query))]
    if settings.variables:
        entries.append(("variables", compile_value(settings.variables).node))
    if settings.operation:
        entries.append(("operationName", Const(settings.operation)))
    return Template(MapNode(tuple(entries)))


def _headers(
    settings: CallSettings, upstream: UpstreamPlan, user_agent: str, kind: BodyKind
) -> tuple[bytes, tuple[tuple[bytes, Template], ...]]:
    own = {name.lower().encode("ascii"): compile_value(value) for name, value in settings.headers.items()}
    lines: dict[bytes, bytes] = {
        b"host": upstream.host_header,
        b"user-agent": user_agent.encode("latin-1"),
        b"accept": b"*/*",
    }
    codings = accept_encoding()
    if codings:
        lines[b"accept-encoding"] = codings if isinstance(codings, bytes) else codings.encode()
    if kind in ("json", "graphql"):
        lines[b"accept"] = b"application/json, */*;q=0.5" if kind == "graphql" else b"*/*"
    lines.update(upstream.headers)
    dynamic: list[tuple[bytes, Template]] = []
    for name, template in own.items():
        lines.pop(name, None)
        if not isinstance(template.node, Const):
            dynamic.append((name, template))
        elif template.node.value is not None:
            lines[name] = header_value(text_of(template.node.value))
    return b"".join(name + b": " + value + b"\r\n" for name, value in lines.items()), tuple(dynamic)


def _query(settings: CallSettings, upstream: UpstreamPlan) -> tuple[bytes, tuple[tuple[str, Template], ...]]:
    constant = [upstream.query] if upstream.query else []
    dynamic: list[tuple[str, Template]] = []
    for key, value in settings.query.items():
        template = compile_value(value)
        if not isinstance(template.node, Const):
            dynamic.append((key, template))
            continue
        fixed = template.node.value
        for single in fixed if isinstance(fixed, list) else [fixed]:
            if single is not None:
                constant.append(percent_encode(key) + b"=" + percent_encode(text_of(single)))
    return b"&".join(constant), tuple(dynamic)


def _forwarded_headers(
    forwards: tuple[ForwardSettings | None, ...], settings: CallSettings, upstream: UpstreamPlan
) -> tuple[bytes, ...]:
    set_here = {name.lower().encode("ascii") for name in settings.headers} | {name for name, _ in upstream.headers}
    wanted = dict.fromkeys(name.lower().encode("ascii") for forward in forwards if forward for name in forward.headers)
    return tuple(name for name in wanted if name not in set_here)
