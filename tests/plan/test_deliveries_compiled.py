"""What a file says of durable deliveries and of message brokers, as the plan has it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest

from aggregator.policies.durable.plan import DeliveryPlan
from tests.plan.conftest import PlanOf
from tests.plan.leaves import changes

DURABLE = """\
state: ./state
upstreams: {{a: {{url: 'http://a.test'}}}}
endpoints: {{POST /x: {{respond: {{}}, background: [{{url: 'POST a:/y', {}}}]}}}}
"""


def delivery(plan_of: PlanOf, said: str) -> DeliveryPlan | None:
    """Return the delivery of a background call that says so much."""
    return plan_of(DURABLE.format(said)).endpoints[0].effects[0].delivery


@pytest.mark.parametrize(
    ("said", "changed"),
    [
        ("order: '{{ query.o }}'", ["order={{ query.o }}"]),
        ("delay: 3s", ["delay=3.0"]),
        ("at: '{{ query.at }}'", ["at={{ query.at }}"]),
        ("dedupe: {key: '{{ query.k }}', ttl: 1h}", ["dedupe={{ query.k }}", "dedupe_for=3600.0"]),
        ("retry: {attempts: 3}", ["retry.attempts=3"]),
        ("retry: {backoff: 2s..3s}", ["retry.backoff.least=2.0", "retry.backoff.most=3.0"]),
        ("retry: none", ["retry.attempts=1"]),
        ("success: {status: [2xx, 503]}", ["retry.statuses=429 500-502 504-599"]),
        (
            "retry: {on: [503, connect]}",
            [
                "retry.causes=connect_timeout dns refused tls unreachable", "retry.on.0=503", "retry.on.1=connect",
                "no retry.on.2", "no retry.on.3", "retry.statuses=503",
            ],
        ),
    ],
)  # fmt: skip
def test_a_delivery_differs_where_the_file_says_so(plan_of: PlanOf, said: str, changed: list[str]) -> None:
    """All else, and the rest of its retry, is as for a delivery of which nothing is said."""
    assert changes(delivery(plan_of, "durable: true"), delivery(plan_of, f"durable: true, {said}")) == changed


def test_the_moment_of_an_answer_is_that_of_the_file(plan_of: PlanOf) -> None:
    """Once what follows is on the disk, unless the file says: at once."""
    assert changes(delivery(plan_of, "durable: true"), delivery(plan_of, "durable: accepted")) == ["moment=accepted"]


PLAIN = {
    "user": None, "password": None, "token": None, "db": 0, "max_length": None, "jetstream": True, "vhost": "/",
    "exchange": "",
}  # fmt: skip


@pytest.mark.parametrize(
    ("upstream", "said"),
    [
        ("url: 'nats://n.test'", {}),
        ("url: 'nats://n.test', broker: {jetstream: false}", {"jetstream": False}),
        ("url: 'nats://n.test', auth: {bearer: t}", {"token": "t"}),
        ("url: 'amqp://q.test'", {}),
        ("url: 'amqp://q.test/'", {}),
        ("url: 'amqp://q.test/v%2Fh'", {"vhost": "v/h"}),
        ("url: 'amqp://q.test/3'", {"vhost": "3"}),
        ("url: 'amqps://q.test', auth: {basic: {user: u, password: p}}", {"user": "u", "password": "p"}),
        ("url: 'amqp://q.test', broker: {exchange: e}", {"exchange": "e"}),
        ("url: 'redis+stream://r.test'", {}),
        ("url: 'redis+stream://r.test/3'", {"db": 3, "vhost": "3"}),
        ("url: 'redis+stream://r.test', broker: {max_length: 7}", {"max_length": 7}),
    ],
)
def test_how_messages_go_to_a_broker(plan_of: PlanOf, upstream: str, said: dict[str, Any]) -> None:
    """As whom, and where there: by the path of its URL, and by what its settings say."""
    plan = plan_of(
        f"upstreams: {{a: {{{upstream}}}}}\nendpoints: {{POST /x: {{respond: {{}}, background: [{{url: 'a:/y'}}]}}}}"
    )
    broker = plan.upstreams[0].pool.broker
    assert broker is not None
    assert asdict(broker) == PLAIN | said


def test_a_message_is_what_its_call_makes(plan_of: PlanOf) -> None:
    """By POST, below no path, and with nothing that HTTP alone needs."""
    plan = plan_of(
        "upstreams: {a: {url: 'redis+stream://r.test/3', headers: {x-a: '1'}}}\n"
        "endpoints: {POST /x: {respond: {}, background: [{url: 'a:/y', json: 1}]}}"
    )
    request = plan.endpoints[0].effects[0].part.calls[0].request
    assert (request.method, request.prefix, request.constant_headers) == (b"POST", b"", b"x-a: 1\r\n")
