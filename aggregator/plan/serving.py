"""What the process needs: the shared client, the server and its limits, the workers of background calls. Data only."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from msgspec import Struct

from aggregator.edge.addresses import Address
from aggregator.edge.coding import Compression
from aggregator.edge.networks import NO_NETWORKS, Networks
from aggregator.plan.edge import BARE, EdgePlan
from aggregator.plan.incoming.admission import AuthPlan
from aggregator.plan.incoming.listening import ALONE, AdminPlan, ListenerTlsPlan, RedirectPlan, WorkersPlan
from aggregator.plan.telemetry import LOG, LogPlan
from aggregator.policies.cache.plan import SIZE
from aggregator.policies.degrade.plan import DegradePlan
from aggregator.policies.durable.plan import DurablePlan
from aggregator.policies.idempotency.plan import ANSWER_BOUNDS, AnswerBounds
from aggregator.templates import document_path


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
    """The limits on what clients have at once; None for no limit. *wait* is in seconds."""

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


class DocsPlan(Struct, frozen=True):
    """The page of the documentation at *path*; *auth* says who may read it, None for everybody."""

    path: str = "/docs"
    auth: AuthPlan | None = None

    @property
    def document(self) -> str:
        """The path of the OpenAPI document."""
        return document_path(self.path)


DOCS = DocsPlan()
"""Where everybody looks for it."""


@dataclass(frozen=True, slots=True)
class ServerPlan:
    """The settings of the process, and of the outermost layer of every request.

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
    workers: WorkersPlan = ALONE
    docs: DocsPlan | None = DOCS
    header_timeout: float = 10.0
    shutdown_grace: float = 20.0
    drain_delay: float = 0.0
    log: LogPlan = LOG
    watchdog: float = 0.25
    trusted_proxies: Networks = NO_NETWORKS
    deadline_header: bytes | None = None
    degrade: DegradePlan | None = None
    proxy_protocol: bool = False
    limits: ClientLimitsPlan = UNLIMITED
    compress: Compression | None = None
    debug_header: bytes | None = None
    debug_secret: bytes | None = field(default=None, repr=False)
    edge: EdgePlan = BARE
    prefixes: tuple[tuple[str, EdgePlan], ...] = ()
    redirects_slash: bool = False
    kept_bytes: int = SIZE
    idempotency: AnswerBounds = ANSWER_BOUNDS


class BackgroundPlan(Struct, frozen=True):
    """The workers of background calls, and what is kept of those that are durable."""

    workers: int = 8
    queue: int = 1000
    when_full: Literal["drop_new", "drop_old"] = "drop_new"
    durable: DurablePlan = DurablePlan()
