"""The upstream engine: prepared bytes in, replies out, over bounded pools of HTTP/1.1 connections.

Two doors lead to it. The lean one (`Pool`) is what the runtime calls; `EngineTransport` is the same
engine as the transport of an `httpx.AsyncClient`. `ClientPool` is the lean door over any other client.
All but the settings is loaded when it is first named, so that a plan can be made without asyncio or httpx.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aggregator.transport.settings import (
    BROKER_PORTS,
    BrokerTerms,
    Caps,
    Limits,
    Origin,
    PoolSettings,
    Timeouts,
    TlsSettings,
)
from aggregator.transport.wire.decoding import Decoder, accept_encoding, codings_named, decoder_for

if TYPE_CHECKING:
    from aggregator.transport.door import Done, Door
    from aggregator.transport.engine.call import Ticket
    from aggregator.transport.engine.pool import Pool
    from aggregator.transport.httpx.client_pool import ClientPool
    from aggregator.transport.httpx.client_response import keep_location
    from aggregator.transport.httpx.cookies import no_cookies
    from aggregator.transport.httpx.stock_transport import StockTransport
    from aggregator.transport.httpx.transport import EngineTransport
    from aggregator.transport.replies import Reply, StreamReply

__all__ = [
    "BROKER_PORTS",
    "BrokerTerms",
    "Caps",
    "ClientPool",
    "Decoder",
    "Done",
    "Door",
    "EngineTransport",
    "Limits",
    "Origin",
    "Pool",
    "PoolSettings",
    "Reply",
    "StockTransport",
    "StreamReply",
    "Ticket",
    "Timeouts",
    "TlsSettings",
    "accept_encoding",
    "codings_named",
    "decoder_for",
    "keep_location",
    "no_cookies",
]

_LAZY = {
    "ClientPool": "httpx.client_pool",
    "Done": "door",
    "Door": "door",
    "EngineTransport": "httpx.transport",
    "Pool": "engine.pool",
    "Reply": "replies",
    "StockTransport": "httpx.stock_transport",
    "StreamReply": "replies",
    "Ticket": "engine.call",
    "keep_location": "httpx.client_response",
    "no_cookies": "httpx.cookies",
}


def __getattr__(name: str) -> Any:
    """Load what opens sockets when it is first named (PEP 562): checking a file needs the settings alone."""
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_LAZY[name]}"), name)
