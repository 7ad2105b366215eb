"""Message brokers: how messages go to them."""

from __future__ import annotations

from urllib.parse import urlsplit

from aggregator.config.model.upstreams.broker import BrokerSettings
from aggregator.config.model.upstreams.upstream import UpstreamSettings
from aggregator.transport import BrokerTerms


def compile_broker(settings: UpstreamSettings) -> BrokerTerms | None:
    """Return how messages go to the broker of *settings*; None for an upstream that is none."""
    if not settings.is_broker:
        return None
    said = settings.broker or BrokerSettings()
    login = settings.auth.basic if settings.auth is not None else None
    path = urlsplit(settings.url).path.strip("/")
    return BrokerTerms(
        user=None if login is None else login.user,
        password=None if login is None else login.password,
        db=int(path or 0),
        max_length=said.max_length,
    )
