"""What the process does: the listening socket, limits of requests, logs, background workers."""

from typing import Annotated, Literal, Self, get_args

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from aggregator.config.model.edge.carried import ErrorMap, WideCors
from aggregator.config.model.edge.docs import Docs, DocsSettings
from aggregator.config.model.listening.addresses import Addresses
from aggregator.config.model.listening.admin import Admin, Redirect
from aggregator.config.model.listening.tls import ListenerTlsSettings
from aggregator.config.model.listening.workers import Workers, WorkersSettings
from aggregator.edge.coding import is_installed
from aggregator.fields import ByteSize, Duration, NetworkList, Settings, Timeout, unwritten
from aggregator.policies.cache.settings import ServerCacheSettings
from aggregator.policies.callers.settings import CallerConcurrency
from aggregator.policies.degrade.settings import DegradeSettings
from aggregator.policies.durable.settings import DurableSettings
from aggregator.policies.idempotency.settings import IdempotencyBounds
from aggregator.policies.rate_limit.settings import RateLimits


class DebugSettings(Settings):
    """Let a caller who knows the secret see why a part failed."""

    header: str = Field("x-debug", description="Request header that asks for details.", examples=["x-debug"])
    secret: str = Field(
        description="Value that the header must carry; take it from a variable or a file.",
        examples=["${file:/run/secrets/debug}"],
        min_length=8,
    )


def _without_port(host: str) -> str:
    name, _, port = host.partition(":")
    if not host.strip():
        form = "write `0.0.0.0` for all of them, or `127.0.0.1` for this machine alone"
        raise PydanticCustomError("bad-host", "An empty host means every address.", {"hint": form, "form": form})
    if "/" in host or port.isdecimal():
        hint = f"write `host: {name}` and `port: {port}`" if port.isdecimal() else "write the name or the address alone"
        form = "write the name or the address alone"
        message = "This is not the name or the address of a host."
        raise PydanticCustomError("bad-host", message, {"hint": hint, "form": form})
    return host


class ClientLimitSettings(Settings):
    """Requests and connections at once; without a number there is no limit.

    A client is an address, an IPv6 one with its whole /64 network; behind `trusted_proxies` it is who they say. Probes
    are never refused.
    """

    in_flight: int | None = Field(
        None, ge=1, le=1_000_000, description="Requests that endpoints answer at once, streams included.",
        examples=[2000],
    )  # fmt: skip
    queue: int = Field(
        0, ge=0, le=1_000_000, description="Requests beyond `in_flight` that may wait; others get 503.", examples=[200]
    )
    wait: Duration = Field(0.1, description="How long a request may wait for its turn; then it gets 503.")
    connections_per_address: int | None = Field(
        None, ge=1, le=1_000_000,
        description="Connections of one address; one more is closed. Those of trusted proxies are not counted.",
        examples=[200],
    )  # fmt: skip
    in_flight_per_address: int | None = Field(
        None, ge=1, le=1_000_000, description="Requests of one client at once; one more gets 429.", examples=[50]
    )

    @model_validator(mode="after")
    def _queue_of_something(self) -> Self:
        lost = [name for name in ("queue", "wait") if name in self.model_fields_set]
        if self.in_flight is None and lost:
            raise PydanticCustomError(
                "no-effect", "The key `{key}` has no effect without `in_flight`.",
                {"key": lost[0], "hint": "add `in_flight: 2000`, the requests beyond which others wait"},
            )  # fmt: skip
        if "wait" in self.model_fields_set and not self.queue:
            raise PydanticCustomError(
                "no-effect", "The key `wait` has no effect without `queue`.",
                {"hint": "add `queue: 200`, the requests that may wait"},
            )  # fmt: skip
        return self


Coding = Literal["zstd", "br", "gzip"]


def _codings(value: tuple[Coding, ...]) -> tuple[Coding, ...]:
    for coding in value:
        if not is_installed(coding):
            hint = f"pip install 'aggregator-server[{coding}]', or leave it out of `codings`"
            message = "The coding `{coding}` needs a package that is missing."
            raise PydanticCustomError("missing-package", message, {"coding": coding, "hint": hint})
    if len(set(value)) < len(value):
        raise PydanticCustomError("no-effect", "A coding has no effect the second time.", {"hint": "name each once"})
    return value


class CompressSettings(Settings):
    """Answers in a content coding: texts and JSON, never what is compressed already, never parts of a body."""

    codings: Annotated[tuple[Coding, ...], AfterValidator(_codings)] = Field(
        default_factory=lambda: tuple(coding for coding in get_args(Coding) if is_installed(coding)),
        min_length=1,
        description="Codings by preference, where a client likes several alike; by default all that are installed.",
        examples=[["zstd", "br", "gzip"]],
    )
    above: ByteSize = Field(1024, description="Smallest body that is worth it.", examples=["1KiB"])


class ServerSettings(Settings):
    """The HTTP server and the OpenAPI document."""

    title: str = Field("Aggregated API", description="Title of the OpenAPI document.", examples=["Shop API"])
    version: str = Field("1", description="Version of your API in the OpenAPI document.", examples=["2026-11"])
    description: str = Field("", description="Text of the OpenAPI document (Markdown).")
    host: Annotated[str, AfterValidator(_without_port)] = Field(
        "127.0.0.1",
        description="Address to listen on.",
        examples=["0.0.0.0"],  # noqa: S104
    )
    port: int = Field(8000, ge=0, le=65535, description="Port to listen on; 0 picks a free one.")
    listen: Addresses = Field(
        (),
        description="Addresses to listen on, in place of `host` and `port`: `host:port`, or `unix:` and a path.",
        examples=[["0.0.0.0:8080", "unix:/run/api.sock"]],
    )
    tls: ListenerTlsSettings | None = Field(
        None, description="TLS on the addresses of TCP.", examples=[{"cert": "tls/api.pem", "key": "tls/api.key"}]
    )
    redirect_http: Redirect | None = Field(
        None, description="Address that sends every request on to TLS (308).", examples=["0.0.0.0:8080"]
    )
    admin: Admin | None = Field(
        None,
        description="Address of administration: `/-/` and all actions are there and nowhere else.",
        examples=[{"address": "127.0.0.1:9000", "secret": "${file:/run/secrets/admin}"}],
    )
    workers: Workers = Field(
        default_factory=unwritten(WorkersSettings),
        description="Processes that serve on the same addresses, under a supervisor when there are several.",
        examples=["auto"],
    )
    docs: Docs = Field(
        default_factory=unwritten(DocsSettings),
        description="The page /docs and the document /openapi.json: `false` serves neither, a mapping says where, and "
        "to whom.",
        examples=[{"path": "/internal/docs", "auth": "ops"}],
    )
    deadline_header: str | None = Field(
        None,
        description="A header in which callers of `trusted_proxies` say how many milliseconds they wait; a deadline "
        "that is sooner than ours counts.",
        examples=["x-request-deadline"],
    )
    trusted_proxies: NetworkList = Field(
        (),
        description="Proxies in front, whose `Forwarded` or `X-Forwarded-*` headers say who the client is; those of "
        "others are not believed. `unix:` are peers on a Unix socket.",
        examples=[["10.0.0.0/8", "unix:"]],
    )
    proxy_protocol: bool = Field(
        False,
        description="Each connection of TCP begins with a PROXY header, version 1 or 2, that names the client; "
        "one that is not of `trusted_proxies` is closed.",
    )
    limits: ClientLimitSettings | None = Field(None, description="How much clients may have at once.")
    degrade: DegradeSettings | None = Field(
        None,
        description="Pressure above which hedges, retries and shadows are not made; from 1.25 times it, optional parts "
        "are skipped.",
        examples=[{"in_flight": 1500, "queue": 100, "loop_lag": "100ms"}],
    )
    concurrency: CallerConcurrency | None = Field(
        None, description="How many requests of all endpoints are answered at once, for each caller."
    )
    rate_limit: RateLimits = Field(
        (), description="How often all endpoints may be called together; probes and `/-/` are never limited.",
        examples=["5000/s"],
    )  # fmt: skip
    cache: ServerCacheSettings = Field(
        default_factory=unwritten(ServerCacheSettings), description="Bounds of the answers that `cache` keeps."
    )
    idempotency: IdempotencyBounds = Field(
        default_factory=unwritten(IdempotencyBounds),
        description="Bounds of the answers that `idempotency` keeps.",
        examples=[{"count": 100000, "bytes": "256MiB"}],
    )
    compress: CompressSettings | None = Field(
        None, description="Content codings of answers, for clients that take them.", examples=[{"codings": ["gzip"]}]
    )
    max_body: ByteSize = Field(1024 * 1024, description="Largest request body; a larger one is answered with 413.")
    body_timeout: Timeout = Field(30.0, description="Longest time that a client may take to send a request body.")
    header_timeout: Timeout = Field(10.0, description="Longest time that a client may take to send the request head.")
    shutdown_grace: Duration = Field(
        20.0, description="How long a stopping server waits for requests and background calls in flight."
    )
    drain_delay: Duration = Field(
        0.0,
        description="How long /readyz says 503 before the server stops accepting; set it behind a load balancer.",
    )
    watchdog: Duration = Field(
        0.25,
        description="A blocked event loop is logged after this long, with the place where it stood; 0s turns it off.",
    )
    cors: WideCors | None = Field(
        None,
        description="Which pages of other origins may read the answers of all endpoints (CORS); or `none`.",
        examples=[{"origins": ["https://shop.example.com"]}],
    )
    headers: dict[str, str] = Field(
        default_factory=dict,
        description="Headers of every answer, refusals included, that does not have them already.",
        examples=[{"strict-transport-security": "max-age=31536000"}],
    )
    security_headers: Literal["strict"] | None = Field(
        None,
        description="`strict` has browsers neither frame, sniff nor run what is answered; /docs keeps working.",
        examples=["strict"],
    )
    redirect_paths: tuple[Literal["slash"], ...] = Field(
        (),
        description="`slash` sends a path without an endpoint to its twin with, or without, a slash at its end (308).",
        examples=[["slash"]],
    )
    errors: ErrorMap = Field(
        (),
        description="Errors in your own words: by status or class another status, body or page.",
        examples=[{404: {"body": {"error": "not_found"}}, 422: {"status": 400}}],
    )
    debug: DebugSettings | None = Field(None, description="Details of failures for callers who know a secret.")


class BackgroundSettings(Settings):
    """The workers that run background calls after answers have left."""

    workers: int = Field(8, ge=1, le=1000, description="Background calls that run at the same time.")
    queue: int = Field(1000, ge=1, description="Background calls that may wait; more are handled as `when_full` says.")
    when_full: Literal["drop_new", "drop_old"] = Field(
        "drop_new", description="Which call is dropped (counted and logged) when the queue is full."
    )
    timeout: Timeout = Field(10.0, description="Deadline of a background call that names none.")
    durable: DurableSettings = Field(
        default_factory=unwritten(DurableSettings),
        description="What is kept of calls that are `durable`.",
        examples=[{"keep_sent": "7d", "full": 503}],
    )
