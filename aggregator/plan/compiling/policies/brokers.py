"""Message brokers: how messages go to them."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

from aggregator.config.model.upstreams.broker import BrokerSettings
from aggregator.config.model.upstreams.upstream import UpstreamSettings
from aggregator.transport import BrokerTerms


def compile_broker(settings: UpstreamSettings) -> BrokerTerms | None:
    """Return how messages go to the broker of *settings*; None for an upstream that is none."""
    if not settings.is_broker:
        return None
    said = settings.broker or BrokerSettings()
    auth = settings.auth
    login = None if auth is None else auth.basic
    parts = urlsplit(settings.url)
    path = unquote(parts.path.removeprefix("/"))
    return BrokerTerms(
        user=None if login is None else login.user,
        password=None if login is None else login.password,
        token=None if auth is None else auth.bearer,
        db=int(path) if path and parts.scheme.endswith("stream") else 0,
        max_length=said.max_length,
        jetstream=said.jetstream,
        vhost=path or "/",
        exchange=said.exchange,
    )
