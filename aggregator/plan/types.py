"""The plan: what the runtime needs, decided at load. Data only, no I/O, no clock.

``Plan`` holds ``EndpointPlan``s; each holds a ``FanPlan`` of ``PartPlan``s; each of those holds ``CallPlan``s.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from msgspec import Struct

from aggregator.edge.caching import is_of_caches
from aggregator.parts.rows import RowPlan as RowPlan
from aggregator.plan.calls import CallPlan, FanPlan, GroupPlan, PartPlan, ShapePlan
from aggregator.plan.edge import BARE, EdgePlan
from aggregator.plan.incoming.admission import OPEN, AdmissionPlan
from aggregator.plan.incoming.inputs import InputPlan as InputPlan
from aggregator.plan.schemes import SchemePlan
from aggregator.plan.serving import BackgroundPlan, ClientPlan, ServerPlan
from aggregator.plan.telemetry import MetricsPlan, RecorderPlan, SloPlan, TracesPlan
from aggregator.plan.upstreams import UpstreamPlan
from aggregator.policies.cache.plan import AnswerCachePlan
from aggregator.policies.durable.plan import DeliveryPlan
from aggregator.policies.idempotency.plan import IdempotencyPlan
from aggregator.policies.retry.plan import RetryPlan
from aggregator.policies.switches.plan import MaintenancePlan, OffPlan
from aggregator.stores.shared.plan import MEMORY_STORE, StorePlan
from aggregator.templates import Expression, PathPattern, Template


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
    """The answer when nothing failed. Where all headers pass, ``Vary`` names *varies* beside the upstream's."""

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
    varies: tuple[bytes, ...] = ()
    cache_control: str | Template | None = None
    etag: bool = False
    meta: bool = False
    timing: bool = False
    fields: bool = False
    formats: tuple[str, ...] = ("json",)
    transform: str | None = None
    delay: float = 0.0


class FixedPlan(Struct, frozen=True):
    """The call of a durable effect that is kept under *name*, one for each item of its list.

    *calls* are the call and its alternatives without what their upstreams add. It is sent again as *retry* says.
    """

    name: str
    calls: tuple[CallPlan, ...]
    retry: RetryPlan


class EffectPlan(Struct, frozen=True):
    """A call after the answer: *on* which answers, a success being one with a status below 400.

    *part* is what is made, within *timeout* seconds at the most. One that is kept until it is delivered has a
    *delivery*; what of it is *fixed* when its request ends stands in the order of its ``pieces``.
    """

    name: str
    part: PartPlan
    timeout: float
    when: Expression | None = None
    on: Literal["success", "failure", "always"] = "success"
    delivery: DeliveryPlan | None = None
    fixed: tuple[FixedPlan, ...] = ()

    @property
    def pieces(self) -> tuple[PartPlan, ...]:
        """The parts that are kept by themselves: those of a fan-out, else the whole."""
        core = self.part.core
        return core.fan.parts if isinstance(core, GroupPlan) else (self.part,)


class ShadowPlan(Struct, frozen=True):
    """A *call* to the *upstream* for a *share* of the requests, beside their answers.

    The upstream of the call has a name of its own, so that all that is kept by name (connections, breaker, places) is
    apart from that of calls whose replies are read.
    """

    upstream: str
    call: CallPlan
    share: float


class DocPlan(Struct, frozen=True):
    """The words of the OpenAPI document on an endpoint, beyond what follows from the rest."""

    summary: str = ""
    description: str = ""
    tags: tuple[str, ...] = ()
    operation_id: str = ""
    deprecated: bool = False
    hidden: bool = False


class EndpointPlan(Struct, frozen=True):
    """One method of an endpoint, of a virtual *host* or (empty) of all others; further ones may have the same *key*.

    A single call is a fan of one part named ``call`` whose status passes through; *raw* says that its body does too, as
    it came. *timeout* is its deadline in seconds, infinite for a stream that names none; *idle_timeout*, of a stream,
    the longest silence. *purges* are the tags that a success makes old.
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
    shadows: tuple[ShadowPlan, ...] = ()
    raw: bool = False
    stream: bool = False
    idle_timeout: float | None = None
    doc: DocPlan = DocPlan()
    reserve: float = 0.0
    admission: AdmissionPlan = OPEN
    edge: EdgePlan = BARE
    compress: bool = False
    purges: tuple[Template, ...] = ()
    keeping: AnswerCachePlan | None = None
    idempotency: IdempotencyPlan | None = None
    slo: SloPlan | None = None
    host: str = ""

    @property
    def named_methods(self) -> str:
        """The methods of the endpoint as its key names them: this one, several, or ``ANY``."""
        return self.key.partition(" ")[0]

    @property
    def fields_of_caches(self) -> frozenset[bytes]:
        """The names, in lower case, of the fields by which the file says what caches may do with its answers.

        What is computed from parts is said by upstreams, who mean all callers.
        """
        response, edge = self.response, self.edge
        names = [name for name, _ in (*response.headers, *edge.fixed, *edge.made) if is_of_caches(name)]
        said = response.cache_control
        return frozenset(names if said is None or said == "compute" else [*names, b"cache-control"])

    @property
    def names_deadline(self) -> bool:
        """Whether the file names its deadline, of which then a moment is kept in *reserve* for making the answer."""
        return self.reserve > 0


@dataclass(frozen=True, slots=True)
class Plan:
    """A whole configuration, ready to run. *digest* is a hash of everything that it was made from.

    An endpoint of several methods has a plan for each. *virtual_hosts* have endpoints of their own, or none. *state* is
    the path of the folder for what outlives the process, *store* where processes keep what they share.
    *secrets* are masked wherever they turn up, *written_secrets*, which stand in the files, where these are shown.
    *off* are the upstreams that are switched off.
    """

    digest: str
    server: ServerPlan
    client: ClientPlan
    background: BackgroundPlan
    endpoints: tuple[EndpointPlan, ...]
    upstreams: tuple[UpstreamPlan, ...]
    plugins: tuple[str, ...] = ()
    schemes: tuple[SchemePlan, ...] = field(default=(), repr=False)
    secrets: frozenset[str] = field(default=frozenset(), repr=False)
    written_secrets: frozenset[str] = field(default=frozenset(), repr=False)
    maintenance: tuple[MaintenancePlan, ...] = ()
    metrics: MetricsPlan | None = None
    traces: TracesPlan | None = None
    recorder: RecorderPlan | None = None
    virtual_hosts: tuple[str, ...] = ()
    off: tuple[tuple[str, OffPlan], ...] = ()
    state: str | None = None
    store: StorePlan = field(default=MEMORY_STORE, repr=False)

    @property
    def has_durable(self) -> bool:
        """Whether any background call is kept until it is delivered."""
        return any(effect.delivery is not None for endpoint in self.endpoints for effect in endpoint.effects)

    @property
    def has_idempotency(self) -> bool:
        """Whether any endpoint answers a request that comes again with what it got."""
        return any(endpoint.idempotency is not None for endpoint in self.endpoints)

    @property
    def declared(self) -> tuple[EndpointPlan, ...]:
        """The endpoints as the file declares them: of several methods of one, the first stands for all."""
        return tuple({endpoint.key: endpoint for endpoint in reversed(self.endpoints)}.values())[::-1]
