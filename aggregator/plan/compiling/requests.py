"""How one request to an upstream is written: everything constant becomes bytes here."""

from __future__ import annotations

from aggregator.config.model.calls.call import CallSettings
from aggregator.config.model.calls.graphql import GraphqlSettings
from aggregator.plan.compiling.endpoint.fields import compile_headers, compile_query
from aggregator.plan.compiling.forwarding import Forwarding, query_names, tells_client, tells_deadline
from aggregator.plan.requests import BodyKind, RequestPlan, RestPlan
from aggregator.plan.upstreams import UpstreamPlan
from aggregator.templates import (
    Const,
    MapNode,
    Node,
    Template,
    UrlTemplate,
    compile_value,
    header_value,
)
from aggregator.transport import accept_encoding

_BODIES: tuple[tuple[str, BodyKind], ...] = (
    ("json_", "json"),
    ("form", "form"),
    ("multipart", "multipart"),
    ("body", "text"),
)


_OURS = (b"accept", b"user-agent")


def compile_request(
    url: UrlTemplate, settings: CallSettings, upstream: UpstreamPlan, user_agent: str, forwarding: Forwarding
) -> RequestPlan:
    """Return the request of a call; *forwarding* says what of the client's request goes with it."""
    said = settings.method or url.method or ("POST" if upstream.pool.broker is not None else None)
    kind, body = _body(settings, takes_clients=forwarding.takes_body(said))
    forwarded = forwarding.headers(settings, upstream, kind)
    rest = forwarding.rest(url, settings, upstream, forwarded)
    constant, defaults, headers = _headers(settings, upstream, user_agent, kind, (*forwarded, *_replaceable(rest)))
    constant_query, query = _query(url, settings, upstream)
    return RequestPlan(
        method=forwarding.method_of(said, kind).encode(),
        url=url,
        prefix=upstream.prefix,
        constant_query=constant_query,
        query=query,
        constant_headers=constant,
        headers=headers,
        body_kind=kind,
        body=body,
        forward_headers=forwarded,
        header_defaults=defaults,
        raw_path=settings.raw_path,
        forward_query=forwarding.query(url, settings, upstream),
        forward_rest=rest,
        forward_client=tells_client(forwarding, settings, upstream),
        deadline=tells_deadline(forwarding, settings, upstream),
        forward_caller=forwarding.caller(settings, upstream),
    )


def _replaceable(rest: RestPlan) -> tuple[bytes, ...]:
    """Return the headers of ours in whose place those of a client go where all go."""
    return () if rest.headers is None else tuple(name for name in _OURS if name not in rest.headers)


def _body(settings: CallSettings, *, takes_clients: bool) -> tuple[BodyKind, Template | None]:
    if settings.graphql is not None:
        return "graphql", _operation(settings.graphql)
    for name, kind in _BODIES:
        if name in settings.model_fields_set and getattr(settings, name) is not None:
            return kind, compile_value(getattr(settings, name))
    if "json_" in settings.model_fields_set:
        return "json", compile_value(None)
    return ("forward", None) if takes_clients else ("none", None)


def _operation(settings: GraphqlSettings) -> Template:
    """Return the body of a GraphQL request; the text of the operation is never a template."""
    entries: list[tuple[str, Node]] = [("query", Const(settings.query))]
    if settings.variables:
        entries.append(("variables", compile_value(settings.variables).node))
    if settings.operation:
        entries.append(("operationName", Const(settings.operation)))
    return Template(MapNode(tuple(entries)))


def _of_http(upstream: UpstreamPlan, user_agent: str, kind: BodyKind) -> dict[bytes, bytes]:
    """Return the fields of every request by HTTP: who is asked, who asks, and what answers are understood."""
    lines: dict[bytes, bytes] = {
        b"host": upstream.host_header,
        b"user-agent": header_value(user_agent),
        b"accept": b"application/json, */*;q=0.5" if kind == "graphql" else b"*/*",
    }
    if codings := accept_encoding():
        lines[b"accept-encoding"] = codings if isinstance(codings, bytes) else codings.encode()
    return lines


def _headers(
    settings: CallSettings, upstream: UpstreamPlan, user_agent: str, kind: BodyKind, forwarded: tuple[bytes, ...]
) -> tuple[bytes, tuple[tuple[bytes, bytes], ...], tuple[tuple[bytes, Template], ...]]:
    """Return the constant block, what is sent where the client names none of *forwarded*, and what is rendered."""
    lines = {} if upstream.pool.broker is not None else _of_http(upstream, user_agent, kind)
    lines.update(upstream.headers)
    said = {name.lower().encode("ascii") for name in settings.headers}
    constant, own = compile_headers(settings.headers)
    dynamic = [*(field for field in upstream.header_templates if field[0] not in said), *own]
    for name in (*said, *(name for name, _ in dynamic)):
        lines.pop(name, None)
    lines.update(constant)
    if kind == "multipart":  # its boundary is made with the body
        lines.pop(b"content-type", None)
        dynamic = [field for field in dynamic if field[0] != b"content-type"]
    defaults = tuple((name, lines.pop(name)) for name in forwarded if name in lines)
    return b"".join(name + b": " + value + b"\r\n" for name, value in lines.items()), defaults, tuple(dynamic)


def _query(
    url: UrlTemplate, settings: CallSettings, upstream: UpstreamPlan
) -> tuple[bytes, tuple[tuple[str, Template], ...]]:
    """Return the constant pairs, and what is rendered. What the call itself names replaces the upstream's."""
    said = {*settings.query, *query_names(url.source.partition("?")[2])}
    shared = [pair for pair in upstream.query.split(b"&") if pair and said.isdisjoint(query_names(pair.decode()))]
    constant, dynamic = compile_query(settings.query)
    templates = (*(one for one in upstream.query_templates if one[0] not in said), *dynamic)
    return b"&".join(filter(None, (*shared, constant))), templates
