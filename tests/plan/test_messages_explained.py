"""What ``explain`` says of calls to brokers, which know no methods, no paths and no statuses."""

from __future__ import annotations

import pytest

from aggregator.plan.explaining.explain import explain
from aggregator.plan.explaining.text import explanation_text

FILE = """
state: ./state
upstreams:
  users: {{url: "http://users.test"}}
  bus: {{url: "{url}"{broker}}}
endpoints:
  POST /orders:
    call: users:/orders
    background: [{{name: told, url: "bus:/orders.created", json: 1{more}}}]
"""


def explained(plan_of, url: str = "nats://h:4222", broker: str = "", more: str = "", env: dict[str, str] | None = None):
    """Return the explanation of an endpoint that sends a message to the broker at *url*."""
    plan = plan_of(FILE.format(url=url, broker=broker and f", broker: {broker}", more=more), env)
    return explain(plan.endpoints[0], plan.secrets)


@pytest.mark.parametrize(
    ("url", "broker", "line", "arrival"),
    [
        ("nats://h:4222", "", "subject orders.created", "is acknowledged by JetStream"),
        ("nats+tls://h:4222", "{jetstream: false}", "subject orders.created",
         "is handed to the NATS, which acknowledges nothing,"),
        ("amqp://h:5672", "", "queue orders.created", "is confirmed by the RabbitMQ"),
        ("amqps://h:5671", "{exchange: events}", "exchange events, routing key orders.created",
         "is confirmed by the RabbitMQ"),
        ("redis+stream://h:6379", "", "stream orders.created", "is added to the stream"),
    ],
)  # fmt: skip
def test_a_message_is_told_in_the_words_of_its_broker(plan_of, url: str, broker: str, line: str, arrival: str) -> None:
    """Under what it goes, and what is known of it then; in pictures too."""
    told = explained(plan_of, url, broker)
    text = explanation_text(told)
    assert f"\n    message to bus, {line}\n" in text
    assert f"\n    {arrival} within 10s\n" in text
    assert f'effect0["message to bus, {line}"]' in told.diagram
    assert "POST bus" not in text


def test_a_message_has_no_method_for_machines(plan_of) -> None:
    """It has an address in place of one."""
    call = explained(plan_of).as_dict()["calls"][-1]
    assert (call["method"], call["target"], call["address"]) == (None, "bus", {"subject": "orders.created"})


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (", idempotent: true, retry: 3", "retry 4 on connect reset, pauses"),
        (", durable: true", "sent up to 12 times on network timeout, pauses"),
        (", durable: true, retry: {on: [timeout, 503]}", "on timeout, pauses"),
    ],
)
def test_a_message_is_not_sent_again_for_a_status(plan_of, more: str, words: str) -> None:
    """No broker says one: it is away, says no, or says nothing in time."""
    stack = explained(plan_of, more=more).stacks[-1][1]
    assert words in " ".join(stack)


def test_a_secret_is_hidden_in_the_address_of_a_message(plan_of) -> None:
    """As in the URLs of other calls."""
    broker = "{exchange: '${EXCHANGE}'}"
    told = explained(plan_of, "amqp://h:5672", broker, env={"EXCHANGE": "hidden-exchange"})
    assert "hidden-exchange" not in explanation_text(told) + told.diagram
