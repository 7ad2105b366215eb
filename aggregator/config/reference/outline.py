"""What the reference says beyond the models: its order, where settings stand, what causes of failures mean."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from aggregator.errors import Cause

SECTIONS = (
    ("EndpointSettings", "Endpoint", "under `endpoints`, by method and path: `GET /users/{user_id}`"),
    ("CallSettings", "Call", "under `call`, in `fan_out`, `groups`, `fallback` and `race`; or its URL alone"),
    ("ShapeSettings", "Shape", "in a call, in `response` and in `respond`"),
    ("FanOutSettings", "Fan-out", "under `fan_out`; every other key is the name of a [call](#call)"),
    ("EachSettings", "For each", "under `for_each`; or the expression for `in` alone"),
    ("BatchSettings", "Batch", "under `for_each.batch`"),
    ("JoinSettings", "Join onto items", "under `for_each.join`"),
    ("SuccessSettings", "Success", "under `success` of a call"),
    ("GraphqlSettings", "GraphQL", "under `graphql` of a call"),
    ("StatusRow", "Status map row", "in `status_map`: a list of rows, or a mapping from `on` to the row or its status"),
    ("BackgroundCallSettings", "Background call", "in `background` of an endpoint; or its URL alone"),
    ("ResponseSettings", "Response", "under `response` of an endpoint"),
    ("ListJoinSettings", "Join of lists", "in `response.join`"),
    ("StaticSettings", "Static answer", "under `respond` of an endpoint"),
    ("UpstreamSettings", "Upstream", "under `upstreams`, by name"),
    ("Timeouts", "Timeout", "under `timeout` of a call, an upstream, `defaults` and `client`; or the total alone"),
    ("ForwardSettings", "Forward", "under `forward` of a call, an endpoint, an upstream and `defaults`"),
    ("LimitSettings", "Limits", "under `limits` of an upstream and of `client`"),
    ("TlsSettings", "TLS", "under `tls` of an upstream"),
    ("ClientSettings", "Client", "under `client`"),
    ("DefaultSettings", "Defaults", "under `defaults`"),
    ("ServerSettings", "Server", "under `server`"),
    ("DebugSettings", "Debug", "under `server.debug`"),
    ("BackgroundSettings", "Background workers", "under `background` at the top level"),
)  # fmt: skip
"""Model, heading, and where its keys stand; in reading order."""

PARENTS: Mapping[str, str] = MappingProxyType(
    {
        "CallSettings": "ShapeSettings",
        "BackgroundCallSettings": "CallSettings",
        "ResponseSettings": "ShapeSettings",
        "StaticSettings": "ShapeSettings",
    }
)
"""Models whose settings hold all of another's, which are listed there."""

CAUSES: Mapping[Cause, tuple[str, int]] = MappingProxyType(
    {
        Cause.DEADLINE: ("The time of the call, or of its endpoint, was over.", 504),
        Cause.CONNECT_TIMEOUT: ("No connection within `timeout.connect`.", 504),
        Cause.READ_TIMEOUT: ("The upstream was silent for `timeout.read`.", 504),
        Cause.WRITE_TIMEOUT: ("The upstream took no bytes for `timeout.write`.", 504),
        Cause.REFUSED: ("The upstream refused the connection.", 502),
        Cause.DNS: ("The name of the upstream could not be resolved.", 502),
        Cause.TLS: ("The certificate or the TLS handshake failed.", 502),
        Cause.RESET: ("The upstream dropped the connection.", 502),
        Cause.UNREACHABLE: ("There is no way to the upstream.", 502),
        Cause.INCOMPLETE: ("The body ended before its announced length.", 502),
        Cause.PROTOCOL: ("The answer is not HTTP/1.1.", 502),
        Cause.MALFORMED: ("The body is not what its content type says.", 502),
        Cause.TOO_LARGE: ("The body is larger than `max_body`, or the head too large.", 502),
        Cause.CODING: ("The content coding is unknown, or the body does not follow it.", 502),
        Cause.CONTENT_TYPE: ("The content type has no codec here.", 502),
        Cause.POOL_FULL: ("`limits.max_waiting` calls wait already.", 503),
        Cause.POOL_TIMEOUT: ("No connection became free within `timeout.pool`.", 503),
        Cause.UNSUCCESSFUL: ("`success.when` did not hold, or GraphQL answered with errors.", 502),
        Cause.EXPRESSION: ("An expression met data that it cannot use.", 502),
        Cause.STATUS: ("The upstream answered with a status that is no success. 404 stays 404.", 502),
        Cause.FAULT: ("The program, or a plug-in, made a mistake.", 500),
    }
)
"""What each cause means, and the status that it becomes when no status map says otherwise."""
