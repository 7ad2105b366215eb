"""The one shared client that every call goes through."""

from typing import Annotated, Literal

from pydantic import Field

from aggregator.config.model.upstreams.limits import LimitSettings, Timeouts, TimeoutSetting
from aggregator.fields import ByteSize, Settings, TextKind, unwritten


class ClientSettings(Settings):
    """The one httpx.AsyncClient that every call goes through."""

    timeout: TimeoutSetting = Field(
        default_factory=lambda: Timeouts.model_construct(total=10.0, connect=5.0),
        description="Limits of calls that declare none: 10s in all, 5s to connect unless said.",
    )
    limits: LimitSettings = Field(
        default_factory=unwritten(LimitSettings),
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
