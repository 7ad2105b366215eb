"""The compiled form of one request to an upstream. Data only."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from aggregator.policies.credentials.plan import CallerPlace
from aggregator.templates import Template, UrlTemplate

BodyKind = Literal["none", "json", "form", "multipart", "text", "graphql", "forward"]


class RestPlan(Struct, frozen=True):
    """The fields of a client's request passed on without being named: all *headers* and *query* but those in here.

    None means that none of them goes.
    """

    headers: frozenset[bytes] | None = None
    query: frozenset[str] | None = None


NO_REST = RestPlan()
"""Only what is named."""


class RequestPlan(Struct, frozen=True):
    """The compiled form of one request to an upstream.

    *header_defaults* are sent for those of *forward_headers* that the client did not send. *raw_path*: values may hold
    dots between encoded slashes. *forward_client* says how it is told who the client is, and *forward_caller* where the
    caller's credential is that goes with it.
    """

    method: bytes
    url: UrlTemplate
    prefix: bytes = b""
    constant_query: bytes = b""
    query: tuple[tuple[str, Template], ...] = ()
    constant_headers: bytes = b""
    headers: tuple[tuple[bytes, Template], ...] = ()
    body_kind: BodyKind = "none"
    body: Template | None = None
    forward_headers: tuple[bytes, ...] = ()
    header_defaults: tuple[tuple[bytes, bytes], ...] = ()
    forward_query: tuple[str, ...] = ()
    forward_rest: RestPlan = NO_REST
    forward_client: Literal["no", "x-forwarded", "forwarded"] = "no"
    forward_caller: tuple[CallerPlace, ...] = ()
    raw_path: bool = False
    deadline: bytes | None = None
