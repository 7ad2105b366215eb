"""How upstreams are reached: timeouts, connection limits, TLS, the shared client, the upstreams themselves."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from aggregator.config.model.failure import StatusMap
from aggregator.fields import ByteSize, Settings, TextKind, Timeout

FormatName = Literal["auto", "json", "text", "xml", "csv", "form", "raw"]


class Timeouts(Settings):
    """Limits of one call. A plain duration is the total."""

    total: Timeout | None = Field(
        None, description="The whole call: waiting, connecting, sending, the last byte of the body."
    )
    connect: Timeout | None = Field(None, description="Opening a connection, TLS included.")
    read: Timeout | None = Field(
        None, description="Longest silence of the upstream while its answer is awaited or read."
    )
    write: Timeout | None = Field(None, description="Longest time that the upstream may refuse to take bytes.")
    pool: Timeout | None = Field(None, description="Waiting for a free connection.")


def _total(value: Any) -> Any:
    return {"total": value} if isinstance(value, str | int | float) else value


TimeoutSetting = Annotated[Timeouts, BeforeValidator(_total, json_schema_input_type=Timeout | Timeouts)]


class LimitSettings(Settings):
    """Connections to one upstream."""

    max_connections: int | None = Field(
        None, ge=1, le=100_000, description="Connections open at once, to each upstream."
    )
    max_keepalive: int | None = Field(
        None,
        ge=0,
        le=100_000,
        description="Idle connections kept open, to each upstream; more are closed after a second.",
    )
    keepalive_expiry: Timeout | None = Field(None, description="How long an idle connection is kept.")
    max_age: Timeout | None = Field(
        None,
        description="How long a connection is used, also one that is never idle (5 min, up to a fifth less): "
        "new ones go where the name of the upstream points by then.",
        examples=["5m"],
    )
    max_waiting: int | None = Field(
        None,
        ge=0,
        le=1_000_000,
        description="Calls that may wait for a connection, as long as they can still be answered in time; "
        "others are refused with 503.",
    )
    max_streams: int | None = Field(
        None,
        ge=1,
        le=100_000,
        description="Streams open at once, to each upstream, over connections of their own beside `max_connections`.",
    )


class TlsSettings(Settings):
    """How an upstream proves who it is, and how we do.

    Its files are in PEM form, and their paths begin in the folder of the file that names them. They are watched like
    that file: connections opened after a renewal use what is new.
    """

    verify: bool = Field(True, description="Check the certificate of the upstream.")
    ca: str | None = Field(
        None,
        description="File with the authorities to trust instead of the public ones (those of certifi, on any system; "
        "`SSL_CERT_FILE` and its like are not read).",
    )
    cert: str | None = Field(
        None, description="File with our client certificate, shown when asked for: at once, or late, as IIS does."
    )
    key: str | None = Field(None, description="File with the key of our client certificate.")
    server_name: str | None = Field(
        None, description="Name to ask for (SNI) and to check, if it is not the host of the URL."
    )
    security: Literal["modern", "compatible", "legacy"] = Field(
        "modern",
        description="Versions and cipher suites to offer: `modern` is TLS 1.3, and 1.2 with forward secrecy; "
        "`compatible` adds the older suites of TLS 1.2; `legacy` goes back to TLS 1.0, with short keys.",
    )
    ciphers: str | None = Field(
        None,
        description="Cipher suites for TLS 1.2 and older instead of those of `security`, as OpenSSL writes them.",
        examples=["ECDHE+AESGCM:AES256-SHA256"],
    )


ALL = "all"


def _listed(value: Any) -> Any:
    return [value] if value == ALL else value


_EVERY = ("",)
"""What `query: all` is inside: a parameter without a name is none that anybody names."""


def _every(value: Any) -> Any:
    """Return *value*, or for `all` what no parameter is called: `[all]` is the parameter of that name."""
    return list(_EVERY) if value == ALL else value


class ForwardSettings(Settings):
    """What of the client's request goes upstream; nothing does unless it is named here."""

    headers: Annotated[
        tuple[str, ...], BeforeValidator(_listed, json_schema_input_type=Literal["all"] | tuple[str, ...])
    ] = Field(
        (),
        description="Request headers to pass on. `all` are those that may go further; credentials and cookies go only "
        "when they are named beside it: `[all, cookie]`.",
        examples=[["authorization", "accept-language"]],
    )
    query: Annotated[
        tuple[str, ...], BeforeValidator(_every, json_schema_input_type=Literal["all"] | tuple[str, ...])
    ] = Field((), description="Query parameters to pass on; or `all`.", examples=[["page", "sort"]])
    except_: tuple[str, ...] = Field(
        (), alias="except", description="Headers and query parameters that `all` leaves out.", examples=[["x-internal"]]
    )
    body: bool = Field(
        False,
        description="Pass the request body on as it comes, without reading it, with the method of the client unless "
        "one is said. An upstream and `defaults` pass it on with calls that say a method.",
    )
    client: bool | Literal["forwarded"] | None = Field(
        None,
        description="Tell the upstream who asked: `true` writes X-Forwarded-For, -Proto and -Host, `forwarded` writes "
        "Forwarded (RFC 7239). Proxies that `server.trusted_proxies` names are listed, what others said is not.",
        examples=[True],
    )

    @model_validator(mode="after")
    def _except_something(self) -> ForwardSettings:
        if self.except_ and not (self.all_headers or self.all_query):
            message = "The key `except` has no effect without `all`."
            hint = "write `headers: all` or `query: all`, or remove it"
            raise PydanticCustomError("no-effect", message, {"hint": hint})
        return self

    @property
    def all_headers(self) -> bool:
        """Whether all headers go, but for those that never do."""
        return ALL in self.headers

    @property
    def all_query(self) -> bool:
        """Whether all query parameters go."""
        return self.query == _EVERY

    @property
    def named_headers(self) -> tuple[str, ...]:
        """The headers that are named."""
        return tuple(name for name in self.headers if name != ALL)

    @property
    def named_query(self) -> tuple[str, ...]:
        """The query parameters that are named."""
        return () if self.all_query else self.query


class UpstreamSettings(Settings):
    """A service that endpoints call by name."""

    url: Annotated[str, TextKind.URL] = Field(
        description="Base URL; a path in it is put before the path of each call.",
        examples=["https://api.example.com/v2"],
    )
    timeout: TimeoutSetting | None = Field(None, description="Limits of calls to this upstream.", examples=["2s"])
    headers: Annotated[dict[str, str], TextKind.FIELDS] = Field(
        default_factory=dict,
        description="Headers sent with every call; may hold expressions, which read what each call can read.",
        examples=[{"x-api-key": "${API_KEY}"}],
    )
    query: Annotated[dict[str, str | int | float | bool], TextKind.FIELDS] = Field(
        default_factory=dict,
        description="Query parameters sent with every call; may hold expressions, which read what each call can read.",
    )
    status_map: StatusMap = Field((), description="What failures of this upstream become.")
    forward: ForwardSettings | None = Field(None, description="What of the client's request goes to this upstream.")
    limits: LimitSettings | None = Field(None, description="Connections to this upstream.")
    tls: TlsSettings | None = Field(None, description="TLS to this upstream.")
    unix_socket: str | None = Field(None, description="Connect to this Unix socket instead of the host of the URL.")
    format: FormatName = Field("auto", description="How bodies are read; `auto` goes by their content type.")
    max_body: ByteSize | None = Field(None, description="Largest body taken from this upstream, after decompression.")
    redirects: int | None = Field(
        None, ge=0, le=10, description="Redirects followed within the same origin; none unless declared."
    )
    batch: dict[str, str] = Field(
        default_factory=dict,
        description="Paths that have a batch form, for the check that points out N+1 calls.",
        examples=[{"/products/{sku}": "/products?ids={keys}"}],
    )


class ClientSettings(Settings):
    """The one httpx.AsyncClient that every call goes through."""

    timeout: TimeoutSetting = Field(
        default_factory=lambda: Timeouts.model_construct(total=10.0, connect=5.0),
        description="Limits of calls that declare none: 10s in all, 5s to connect unless said.",
    )
    limits: LimitSettings = Field(
        default_factory=LimitSettings.model_construct,
        description="Connections to each upstream that declares none: 50, of which 20 are kept idle for 30s, "
        "and 50 for streams, unless said.",
    )
    max_body: ByteSize = Field(8 * 1024 * 1024, description="Largest body taken from an upstream, after decompression.")
    transport: Literal["engine", "httpx"] = Field(
        "engine",
        description="`engine` is the built-in fast one; `httpx` brings HTTP/2 and proxies at many times the cost.",
    )
    http2: bool = Field(False, description="Speak HTTP/2 where the upstream does (needs `transport: httpx`).")
    proxy: Annotated[str | None, TextKind.URL] = Field(
        None, description="Proxy for all calls (needs `transport: httpx`)."
    )
    user_agent: str = Field("aggregator", description="User-Agent of the calls.")
