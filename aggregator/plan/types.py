"""The plan: what the runtime needs, decided at load. Data only, no I/O, no clock.

``Plan`` holds ``EndpointPlan``s; each holds a ``FanPlan`` of ``PartPlan``s; each of those holds ``CallPlan``s.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from msgspec import Struct

from aggregator.edge.addresses import Address
from aggregator.edge.coding import Compression
from aggregator.edge.networks import NOBODY, Networks
from aggregator.parts.rows import RowPlan as RowPlan
from aggregator.plan.admission import OPEN, AdmissionPlan, SchemePlan
from aggregator.plan.edge import BARE, EdgePlan
from aggregator.plan.listening import AdminPlan, ListenerTlsPlan, RedirectPlan
from aggregator.schemas import BodySchema, Parameter
from aggregator.templates import Expression, PathPattern, Template, UrlTemplate
from aggregator.transport import PoolSettings

BodyKind = Literal["none", "json", "form", "multipart", "text", "graphql", "forward"]


class UpstreamPlan(Struct, frozen=True):
    """A service: where it is and what every call to it carries. *label* is what clients may read.

    *query* and *headers* are the same for every request, the templates beside them are rendered for each.
    """

    name: str
    label: str
    pool: PoolSettings
    host_header: bytes
    prefix: bytes = b""
    query: bytes = b""
    headers: tuple[tuple[bytes, bytes], ...] = ()
    query_templates: tuple[tuple[str, Template], ...] = ()
    header_templates: tuple[tuple[bytes, Template], ...] = ()
    demo: str | None = None


class ShapePlan(Struct, frozen=True):
    """What is taken from a body, in this order: select, target, allow or deny, rename, group."""

    select: str | None = None
    select_expression: Expression | None = None
    target: str | None = None
    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()
    rename: tuple[tuple[str, str], ...] = ()
    group: str | None = None


class RestPlan(Struct, frozen=True):
    """What goes upstream of a client's request although nobody names it: all *headers* and *query* but those in here.

    None means that none of them goes.
    """

    headers: frozenset[bytes] | None = None
    query: frozenset[str] | None = None


NO_REST = RestPlan()
"""Only what is named."""


class RequestPlan(Struct, frozen=True):
    """How one request to an upstream is written.

    *header_defaults* are sent for those of *forward_headers* that the client did not send. *raw_path*: values may hold
    dots between encoded slashes. *forward_client* says how it is told who the client is.
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
    raw_path: bool = False


class SuccessPlan(Struct, frozen=True):
    """Which answers of an upstream are a success.

    *verdicts* are statuses that answer a condition of the client (RFC 9110 §13), each with the request headers of which
    one has to be there: the client's own business, so no failures.
    """

    statuses: frozenset[int]
    when: Expression | None = None
    verdicts: tuple[tuple[int, frozenset[bytes]], ...] = ()


class CallPlan(Struct, frozen=True):
    """One call: what is asked of whom, for how long, and how its answer is judged and read.

    *eager*: a body that is not JSON is decoded at once; a body that only passes through need not be. *max_body* is
    in bytes, less than what the pool of the upstream takes anyway. *steps* is how many calls must follow, one after the
    other, before the request is answered.
    """

    name: str
    upstream: UpstreamPlan
    request: RequestPlan
    timeout: float
    success: SuccessPlan
    rows: tuple[RowPlan, ...] = ()
    shape: ShapePlan | None = None
    format: str = "auto"
    transform: str | None = None
    redirects: int = 0
    graphql: Literal["no", "strict", "partial"] = "no"
    eager: bool = True
    max_body: int | None = None
    steps: int = 0


class BatchPlan(Struct, frozen=True):
    """One call for many keys; *shape* is taken from each element of the answer."""

    key: str
    size: int
    separator: str
    path: str | None
    shape: ShapePlan | None = None


class EachPlan(Struct, frozen=True):
    """One call per item of a list; items with the same key share one.

    Without a *key* it is all that the call *reads* of an item; None when every item has a call of its own.
    """

    items: Expression
    key: Expression | None
    reads: tuple[Expression, ...] | None
    concurrency: int
    max_items: int
    on_error: Literal["fail", "null", "skip"]
    join: str | None
    batch: BatchPlan | None


class PartPlan(Struct, frozen=True):
    """A named piece of an answer: a call with its alternatives, a race, a nested group, or one call per item.

    *waits* are the indexes of the parts that must have ended before this one starts.
    """

    name: str
    calls: tuple[CallPlan, ...] = ()
    race: tuple[PartPlan, ...] = ()
    group: FanPlan | None = None
    each: EachPlan | None = None
    when: Expression | None = None
    optional: bool = False
    default: Template | None = None
    waits: tuple[int, ...] = ()
    shape: ShapePlan | None = None
    transform: str | None = None
    rows: tuple[RowPlan, ...] = ()
    timeout: float | None = None


class FanPlan(Struct, frozen=True):
    """Parts in declared order; *dependents* gives for each part the parts that wait for it."""

    parts: tuple[PartPlan, ...]
    dependents: tuple[tuple[int, ...], ...]


class ListJoinPlan(Struct, frozen=True):
    """Elements of one list put into elements of another, by key.

    *right* leads into the results of parts when it names a *part*, else into the answer, where *left* always leads.
    """

    left: str
    right: str
    into: str
    missing: Literal["null", "drop", "error"]
    part: str | None = None


class CookiePlan(Struct, frozen=True):
    """A cookie that an answer sets; *attributes* are those of RFC 6265, a bare one is True."""

    name: str
    value: Template
    attributes: tuple[tuple[str, str | bool], ...] = ()


class ResponsePlan(Struct, frozen=True):
    """What the client gets when nothing failed."""

    status: int | None = None
    status_expression: Expression | None = None
    headers: tuple[tuple[bytes, Template], ...] = ()
    cookies: tuple[CookiePlan, ...] = ()
    body: Template | None = None
    merge: str = "object"
    join: tuple[ListJoinPlan, ...] = ()
    shape: ShapePlan | None = None
    pass_headers: tuple[tuple[bytes, str], ...] = ()
    pass_all: bool = False
    cache_control: str | Template | None = None
    etag: bool = False
    meta: bool = False
    fields: bool = False
    formats: tuple[str, ...] = ("json",)
    transform: str | None = None
    delay: float = 0.0


class InputPlan(Struct, frozen=True):
    """What the client may send. *read_body*: "no" (never read), "bytes", "json" (decoded), or "stream" (passed on)."""

    params: tuple[Parameter, ...] = ()
    query: tuple[Parameter, ...] = ()
    headers: tuple[Parameter, ...] = ()
    cookies: tuple[Parameter, ...] = ()
    body: BodySchema | None = None
    read_body: Literal["no", "bytes", "json", "stream"] = "no"
    max_body: int = 1024 * 1024
    body_timeout: float = 30.0


class EffectPlan(Struct, frozen=True):
    """A call after the answer has left: *on* which answers, a success being one with a status below 400."""

    name: str
    call: CallPlan
    when: Expression | None = None
    on: Literal["success", "failure", "always"] = "success"


class DocPlan(Struct, frozen=True):
    """What the OpenAPI document says of an endpoint beyond what follows from the rest."""

    summary: str = ""
    description: str = ""
    tags: tuple[str, ...] = ()
    operation_id: str = ""
    deprecated: bool = False
    hidden: bool = False


class EndpointPlan(Struct, frozen=True):
    """One endpoint. A single call is a fan of one part named ``call`` whose status passes through.

    *raw* says that its body does too, as it came. *timeout* is its deadline in seconds, infinite for a stream that
    names none; *idle_timeout*, of a stream, the longest silence.
    """

    key: str
    method: str
    pattern: PathPattern
    digest: bytes
    kind: Literal["call", "fan_out", "respond"]
    timeout: float
    inputs: InputPlan
    response: ResponsePlan
    fan: FanPlan | None = None
    rows: tuple[RowPlan, ...] = ()
    effects: tuple[EffectPlan, ...] = ()
    raw: bool = False
    stream: bool = False
    idle_timeout: float | None = None
    doc: DocPlan = DocPlan()
    reserve: float = 0.0
    admission: AdmissionPlan = OPEN
    edge: EdgePlan = BARE
    compress: bool = False

    @property
    def names_deadline(self) -> bool:
        """Whether the file names its deadline, of which then a moment is kept in *reserve* for making the answer."""
        return self.reserve > 0


@dataclass(frozen=True, slots=True)
class ClientPlan:
    """The one shared ``httpx.AsyncClient``: its limits in seconds and connections, and what carries its calls."""

    total: float = 10.0
    connect: float = 5.0
    max_connections: int = 50
    max_keepalive: int = 20
    keepalive_expiry: float = 30.0
    transport: Literal["engine", "httpx"] = "engine"
    http2: bool = False
    proxy: str | None = field(default=None, repr=False)
    user_agent: str = "aggregator"


class ClientLimitsPlan(Struct, frozen=True):
    """How much clients may have at once; None for any number. *wait* is in seconds."""

    in_flight: int | None = None
    queue: int = 0
    wait: float = 0.1
    connections_per_address: int | None = None
    in_flight_per_address: int | None = None

    @property
    def counts_requests(self) -> bool:
        """Whether anybody has to count requests."""
        return self.in_flight is not None or self.in_flight_per_address is not None


UNLIMITED = ClientLimitsPlan()
"""As many as come."""


@dataclass(frozen=True, slots=True)
class ServerPlan:
    """What the process and the outermost layer of every request need.

    *listen* are addresses in place of *host* and *port*. *edge* is what answers carry that come from no endpoint, and
    *prefixes*, the longest first, those of them that are below a path.
    """

    title: str = "Aggregated API"
    version: str = "1"
    description: str = ""
    host: str = "127.0.0.1"
    port: int = 8000
    listen: tuple[Address, ...] = ()
    tls: ListenerTlsPlan | None = None
    redirect_http: RedirectPlan | None = None
    admin: AdminPlan | None = field(default=None, repr=False)
    docs: bool = True
    header_timeout: float = 10.0
    shutdown_grace: float = 20.0
    drain_delay: float = 0.0
    access_log: Literal["all", "errors", "off"] = "errors"
    log_format: Literal["text", "json"] = "text"
    watchdog: float = 0.25
    trusted_proxies: Networks = NOBODY
    limits: ClientLimitsPlan = UNLIMITED
    compress: Compression | None = None
    debug_header: bytes | None = None
    debug_secret: bytes | None = field(default=None, repr=False)
    edge: EdgePlan = BARE
    prefixes: tuple[tuple[str, EdgePlan], ...] = ()
    redirects_slash: bool = False


class BackgroundPlan(Struct, frozen=True):
    """The workers of background calls."""

    workers: int = 8
    queue: int = 1000
    when_full: Literal["drop_new", "drop_old"] = "drop_new"


@dataclass(frozen=True, slots=True)
class Plan:
    """A whole configuration, ready to run. *digest* is a hash of everything that it was made from."""

    digest: str
    server: ServerPlan
    client: ClientPlan
    background: BackgroundPlan
    endpoints: tuple[EndpointPlan, ...]
    upstreams: tuple[UpstreamPlan, ...]
    plugins: tuple[str, ...] = ()
    schemes: tuple[SchemePlan, ...] = field(default=(), repr=False)
    secrets: frozenset[str] = field(default=frozenset(), repr=False)
