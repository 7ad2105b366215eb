"""A service that endpoints call by name."""

from typing import Annotated, Any

from pydantic import ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from aggregator.config.model.failure import StatusMap
from aggregator.config.model.upstreams.broker import BrokerSettings
from aggregator.config.model.upstreams.formats import CsvSettings, FormatName, XmlSettings
from aggregator.config.model.upstreams.forward import ForwardSettings
from aggregator.config.model.upstreams.limits import LimitSettings, TimeoutSetting, TlsSettings
from aggregator.fields import ByteSize, Settings, TextKind, Timeout
from aggregator.policies.breaker.settings import BreakerSettings
from aggregator.policies.cache.settings import UpstreamCache
from aggregator.policies.concurrency.settings import ConcurrencySetting
from aggregator.policies.credentials.settings import CredentialSettings
from aggregator.policies.hedge.settings import HedgeSetting
from aggregator.policies.hosts.settings import (
    MOST,
    BalanceSetting,
    EjectSettings,
    HealthSettings,
    HostSetting,
    ResolveSetting,
)
from aggregator.policies.mock.settings import MockSettings
from aggregator.policies.rate_limit.settings import CallRate
from aggregator.policies.retry.settings import RetrySetting
from aggregator.policies.routing.settings import RouteSettings
from aggregator.transport import BROKER_PORTS

_NOWHERE = "http://mock.invalid"
"""The URL of an upstream that is a mock and nothing else: a name that nobody has (RFC 6761)."""


def _without_url(schema: dict[str, Any]) -> None:
    schema.pop("required", None)


class UpstreamSettings(Settings):
    """A service that endpoints call by name."""

    model_config = ConfigDict(json_schema_extra=_without_url)

    url: Annotated[str, TextKind.URL] = Field(
        description="Base URL; a path in it is put before the path of each call. Or the address of a message broker, "
        "to which background calls send: `redis+stream://`, `nats://`, `amqp://`, by TLS `rediss+stream://`, "
        "`nats+tls://`, `amqps://`.",
        examples=["https://api.example.com/v2", "redis+stream://events.internal/0"],
    )
    route: RouteSettings | None = Field(
        None,
        description="Where calls go by a key of each request, in the place of `url`.",
        examples=[{"by": "{{ headers['x-tenant'] }}", "to": {"acme": "https://acme.internal"}, "else": 404}],
    )
    hosts: tuple[HostSetting, ...] = Field(
        (),
        max_length=MOST,
        description="Hosts that all serve the same, in the place of `url`; each call goes to one of them.",
        examples=[[{"url": "https://a.users.internal", "weight": 3}, {"url": "https://b.users.internal"}]],
    )
    balance: BalanceSetting | None = Field(
        None,
        description="How a host is chosen: `least`, the one of two with fewer calls in flight, unless it is said; "
        "`round_robin`, `random`, or by the hash of a key.",
        examples=["round_robin", {"hash": "{{ auth.subject }}"}],
    )
    eject: EjectSettings | None = Field(
        None,
        description="When a host is left out for a while, because its calls fail.",
        examples=[{"failures": 5, "pause": "10s..5m", "at_most": "50%"}],
    )
    health: HealthSettings | None = Field(
        None,
        description="How each host is asked whether it is well, beside the calls.",
        examples=[{"path": "/health", "every": "5s"}],
    )
    slow_start: Timeout | None = Field(
        None,
        description="How long a host takes to its full share when it comes, or comes back.",
        examples=["30s"],
    )
    resolve: ResolveSetting | None = Field(
        None,
        description="Take each address behind the name in `url` for a host, and follow what comes and goes.",
        examples=["dns", {"by": "srv", "server": "127.0.0.1:5353"}],
    )
    host_header: str | None = Field(
        None, description="`Host` of the requests, if it is not that of the URL.", examples=["users.internal"]
    )
    timeout: TimeoutSetting | None = Field(None, description="Limits of calls to this upstream.", examples=["2s"])
    retry: RetrySetting | None = Field(
        None,
        description="How often calls are sent when they fail; the number of retries alone.",
        examples=[2, {"attempts": 3, "per_try": "500ms"}],
    )
    hedge: HedgeSetting | None = Field(
        None,
        description="When calls are sent a second time because they take long; `after` alone.",
        examples=["p95", {"after": "p95", "at_least": "20ms", "budget": "5%"}],
    )
    breaker: BreakerSettings | None = Field(
        None,
        description="When it is called no more for a while, because it fails.",
        examples=[{"failures": 5, "rate": "50%", "pause": "5s..60s"}],
    )
    concurrency: ConcurrencySetting | None = Field(
        None,
        description="How many calls and streams are under way at once, and how many wait; or their number alone.",
        examples=[64, {"limit": "adaptive", "at_most": 200}],
    )
    mock: MockSettings | None = Field(
        None,
        description="Answers in its place, and faults on purpose; with `routes` or a `file`, it needs no `url`.",
        examples=[{"routes": {"GET /balance/{id}": {"json": {"id": "{{ id }}", "cents": 1250}}}}],
    )
    idempotent: bool | None = Field(
        None, description="Whether requests may be sent again whatever their method; calls can say otherwise."
    )
    headers: Annotated[dict[str, str], TextKind.FIELDS] = Field(
        default_factory=dict,
        description="Headers sent with every call; may hold expressions, which read what each call can read.",
        examples=[{"x-api-key": "${API_KEY}"}],
    )
    auth: CredentialSettings | None = Field(
        None,
        description="As whom it is called. Who may call us is said by `auth` of an endpoint.",
        examples=[{"bearer": "${API_TOKEN}"}],
    )
    query: Annotated[dict[str, str | int | float | bool], TextKind.FIELDS] = Field(
        default_factory=dict,
        description="Query parameters sent with every call; may hold expressions, which read what each call can read.",
    )
    status_map: StatusMap = Field((), description="What failures of this upstream become.")
    forward: ForwardSettings | None = Field(None, description="What of the client's request goes to this upstream.")
    limits: LimitSettings | None = Field(None, description="Connections to this upstream.")
    rate_limit: CallRate | None = Field(
        None,
        description="How often it may be called, by all endpoints together.",
        examples=[{"rate": "50/s", "burst": 10, "wait": "200ms"}],
    )
    cache: UpstreamCache | None = Field(
        None,
        description="How long replies to safe calls are kept.",
        examples=[{"ttl": {200: "60s", 404: "10s"}, "stale": "5m", "on_error": "1h", "max": "64MiB"}],
    )
    coalesce: bool = Field(
        False, description="Make one call for all requests that would send the same safe call at the same time."
    )
    tls: TlsSettings | None = Field(None, description="TLS to this upstream.")
    broker: BrokerSettings | None = Field(
        None, description="How messages go to it, where it is a broker.", examples=[{"max_length": 1_000_000}]
    )
    unix_socket: str | None = Field(None, description="Connect to this Unix socket instead of the host of the URL.")
    format: FormatName = Field("auto", description="How bodies are read; `auto` goes by their content type.")
    xml: XmlSettings | None = Field(None, description="How XML is read.", examples=[{"lists": ["rss.channel.item"]}])
    csv: CsvSettings | None = Field(None, description="How CSV is read.", examples=[{"delimiter": ";"}])
    max_body: ByteSize | None = Field(None, description="Largest body taken from this upstream, after decompression.")
    redirects: int | None = Field(
        None, ge=0, le=10, description="Redirects followed within the same origin; none unless declared."
    )
    batch: dict[str, str] = Field(
        default_factory=dict,
        description="Paths that have a batch form, for the check that points out N+1 calls.",
        examples=[{"/products/{sku}": "/products?ids={keys}"}],
    )

    @model_validator(mode="before")
    @classmethod
    def _first_host(cls, value: Any) -> Any:
        """Return *value* with the URL of its first host, which stands for all where one has to."""
        hosts = value.get("hosts") if isinstance(value, dict) else None
        if not hosts:
            return value
        one = hosts[0] if isinstance(hosts, list | tuple) else None  # what is no list is judged as such alone
        first = one.get("url") if isinstance(one, dict) else one
        return {"url": first if isinstance(first, str) else "", **value}

    @model_validator(mode="before")
    @classmethod
    def _mocked(cls, value: Any) -> Any:
        """Return *value* with a URL where its mock stands for it."""
        mock = value.get("mock") if isinstance(value, dict) else None
        is_whole = isinstance(mock, dict) and ("routes" in mock or "file" in mock) and "url" not in value
        return {"url": _NOWHERE, **value} if is_whole else value

    @model_validator(mode="before")
    @classmethod
    def _first_route(cls, value: Any) -> Any:
        """Return *value* with the URL of its first route, which stands for all where one has to."""
        route = value.get("route") if isinstance(value, dict) else None
        if route is None:
            return value
        if beside := [key for key in ("url", "hosts", "unix_socket") if key in value]:
            hint = {"hint": f"write the URL into `to`, or leave out `route` or `{beside[0]}`"}
            raise PydanticCustomError("bad-route", "An upstream has a `url`, or a `route`.", hint)
        to = route.get("to") if isinstance(route, dict) else None
        first = next(iter(to.values()), "") if isinstance(to, dict) else ""
        return {"url": first if isinstance(first, str) else "", **value}

    @property
    def is_broker(self) -> bool:
        """Whether it is a message broker, which takes messages and answers nothing."""
        return self.url.partition("://")[0].lower() in BROKER_PORTS

    @property
    def is_mock(self) -> bool:
        """Whether nothing is behind its mock."""
        return self.url == _NOWHERE
