"""Messages to brokers in words: under what a message goes, and what is known once it has gone. None is of HTTP."""

from __future__ import annotations

from urllib.parse import unquote

from aggregator.plan.upstreams import UpstreamPlan
from aggregator.transport import BrokerTerms


def address_of(upstream: UpstreamPlan, path: str) -> tuple[tuple[str, str], ...] | None:
    """Return under what a message with this *path* goes to *upstream*, by the broker's words; None if it is none.

    ``(("exchange", "events"), ("routing key", "orders.created"))``, ``(("subject", "orders.created"),)``.
    """
    terms = upstream.pool.broker
    if terms is None:
        return None
    name = unquote(path.partition("?")[0].removeprefix("/"))
    match _kind(upstream):
        case "nats":
            return (("subject", name),)
        case "amqp" if terms.exchange:
            return (("exchange", terms.exchange), ("routing key", name))
        case "amqp":
            return (("queue", name),)
        case _:
            return (("stream", name),)


def arrival_of(upstream: UpstreamPlan) -> str | None:
    """Return what *upstream*, a broker, has done when a message has arrived; None if it is none."""
    terms = upstream.pool.broker
    return None if terms is None else _arrival(_kind(upstream), terms)


def _arrival(kind: str, terms: BrokerTerms) -> str:
    match kind:
        case "nats" if terms.jetstream:
            return "is acknowledged by JetStream"
        case "nats":
            return "is handed to the NATS, which acknowledges nothing,"
        case "amqp":
            return "is confirmed by the RabbitMQ"
        case _:
            return "is added to the stream"


def _kind(upstream: UpstreamPlan) -> str:
    scheme = upstream.pool.origin.scheme
    return next((kind for kind in ("nats", "amqp") if scheme.startswith(kind)), "redis")
