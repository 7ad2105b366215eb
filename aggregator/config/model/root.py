"""The whole file: its top-level keys."""

from typing import Annotated, Literal

from pydantic import Field

from aggregator.config.model.auth import AdmissionSettings
from aggregator.config.model.calls.call import Call
from aggregator.config.model.client import ClientSettings
from aggregator.config.model.edge.carried import CarriedSettings
from aggregator.config.model.edge.prefix import PrefixSettings
from aggregator.config.model.edge.virtual_host import VirtualHostSettings
from aggregator.config.model.endpoint import EndpointSettings
from aggregator.config.model.failure import StatusMap
from aggregator.config.model.schemes.scheme import SchemeSettings
from aggregator.config.model.server import BackgroundSettings, ServerSettings
from aggregator.config.model.store import Store, StoreSettings
from aggregator.config.model.telemetry.settings import TelemetrySettings
from aggregator.config.model.upstreams.forward import ForwardSettings
from aggregator.config.model.upstreams.limits import TimeoutSetting
from aggregator.config.model.upstreams.upstream import UpstreamSettings
from aggregator.fields import Settings, Timeout, unwritten
from aggregator.policies.switches.settings import MaintenanceSettings


class DefaultSettings(Settings):
    """What endpoints and calls inherit when nothing nearer says otherwise."""

    timeout: TimeoutSetting | None = Field(None, description="Limits of calls.")
    deadline: Timeout | None = Field(
        None,
        description="Deadline of endpoints; left out, it is the time of the slowest call, or the total of "
        "`client.timeout` if longer.",
    )
    status_map: StatusMap = Field((), description="What failures become.")
    forward: ForwardSettings | None = Field(None, description="What of the client's request goes with every call.")
    response: CarriedSettings = Field(
        default_factory=unwritten(CarriedSettings), description="What the answers of all endpoints carry."
    )
    endpoint: AdmissionSettings = Field(
        default_factory=unwritten(AdmissionSettings),
        description="Who may call endpoints that do not say it, and from pages of which origins.",
    )


class RootSettings(Settings):
    """The top level of routes.yaml. Keys that begin with `x-` are yours: anchors, notes."""

    version: Literal[1] = Field(description="Version of the language.", examples=[1])
    include: tuple[str, ...] | str = Field((), description="More files, relative to this one; patterns are allowed.")
    server: ServerSettings = Field(
        default_factory=unwritten(ServerSettings), description="The HTTP server and the OpenAPI document."
    )
    client: ClientSettings = Field(
        default_factory=unwritten(ClientSettings), description="The one client that every call goes through."
    )
    defaults: DefaultSettings = Field(
        default_factory=unwritten(DefaultSettings), description="What endpoints and calls inherit."
    )
    auth: dict[str, SchemeSettings] = Field(
        default_factory=dict,
        description="Who may call: schemes by name, for `auth` of endpoints.",
        examples=[{"partners": {"api_key": {"header": "x-api-key", "keys": {"file": "secrets/partners.yaml"}}}}],
    )
    upstreams: dict[str, UpstreamSettings] = Field(default_factory=dict, description="Services by name.")
    groups: dict[str, dict[str, Call]] = Field(
        default_factory=dict, description="Fan-out groups: named sets of calls for any endpoint."
    )
    plugins: tuple[str, ...] = Field(
        (), description="Python modules with functions for `transform`.", examples=[["my_plugin"]]
    )
    prefixes: dict[str, PrefixSettings] = Field(
        default_factory=dict,
        description="Settings for every endpoint below a path; the nearest counts.",
        examples=[{"/v1": {"deprecated": {"since": "2026-06-01", "see": "/v2"}}}],
    )
    telemetry: TelemetrySettings = Field(
        default_factory=unwritten(TelemetrySettings), description="What the server tells of itself."
    )
    virtual_hosts: dict[str, VirtualHostSettings] = Field(
        default_factory=dict,
        description="Other hosts by name (`admin.example.com`, `*.example.com`), each with endpoints of its own; all "
        "else falls to `endpoints`.",
        examples=[{"admin.example.com": {"endpoints": {"GET /stats": {"call": "users:/stats"}}}}],
    )
    store: Store = Field(
        default_factory=lambda: StoreSettings.model_construct(url="memory"),
        description="Where the counts of rate limits and quotas lie: with a server, all processes that name it count "
        "together, and know of each other's purges and switches. A text alone is its URL.",
        examples=["redis://cache.internal:6379/0"],
    )
    state: Annotated[str, Field(min_length=1)] | None = Field(
        None,
        description="A folder, from that of this file, for what outlives a restart: what operators have switched off, "
        "what is used of quotas, durable effects, refresh tokens. Left out, they end with the process. Each process "
        "needs a folder of its own.",
        examples=["./state", "/var/lib/aggregator"],
    )
    maintenance: tuple[MaintenanceSettings, ...] = Field(
        (),
        description="When which endpoints are out of service.",
        examples=[[{"endpoints": ["GET /quote/*"], "every": "Sun 02:00-04:00", "zone": "Europe/Berlin"}]],
    )
    background: BackgroundSettings = Field(
        default_factory=unwritten(BackgroundSettings), description="The workers of background calls."
    )
    endpoints: dict[str, EndpointSettings] = Field(
        default_factory=dict,
        description="Endpoints by method and path: `GET /x`, `GET|HEAD /x`, or `ANY /x` for every method.",
        examples=[{"GET /users/{id}": {"call": "users:/users/{id}"}}],
    )
