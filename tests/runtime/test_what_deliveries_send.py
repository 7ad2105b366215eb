"""A durable call is sent as it was fixed; what its upstream adds today stands beside, and nothing twice."""

from __future__ import annotations

import pytest

from aggregator.runtime.calls.delivering import Added
from aggregator.stores.effects.records import EffectRecord, FixedRequest

ADDED = Added(b"/v1", ((b"host", b"up.test"), (b"x-a", b"1")), ((b"key", b"key=k"), (b"lang", b"lang=en")))


def record(target: bytes = b"/x", headers: bytes = b"", attempts: int = 3) -> EffectRecord:
    """Return an effect that has been claimed so often."""
    request = FixedRequest(b"POST", target, headers, b"body")
    return EffectRecord("id-1", "call", "GET /x", "up", "request-1", request, 0.0, 0.0, attempts=attempts)


@pytest.mark.parametrize(
    ("headers", "sent"),
    [
        (b"", b"host: up.test\r\nx-a: 1\r\nidempotency-key: id-1\r\naggregator-attempt: 3\r\n"),
        (b"x-a: 2\r\nx-b: 3\r\n",
         b"host: up.test\r\nidempotency-key: id-1\r\naggregator-attempt: 3\r\nx-a: 2\r\nx-b: 3\r\n"),
        (b"idempotency-key: own\r\n", b"host: up.test\r\nx-a: 1\r\naggregator-attempt: 3\r\nidempotency-key: own\r\n"),
    ],
)  # fmt: skip
def test_what_a_delivery_says_itself_stays(headers: bytes, sent: bytes) -> None:
    """Its upstream adds what it lacks, and it has a key by which it is the same each time, and the number of the try."""
    found = ADDED.to(record(headers=headers))
    assert (found.headers, found.body) == (sent, b"body")


@pytest.mark.parametrize(
    ("target", "sent"),
    [
        (b"/x", b"/v1/x?key=k&lang=en"), (b"/x?a=1", b"/v1/x?key=k&lang=en&a=1"), (b"/x?", b"/v1/x?key=k&lang=en&"),
        (b"/x?lang=de", b"/v1/x?key=k&lang=de"), (b"/x?lang=de&key", b"/v1/x?lang=de&key"),
    ],
)  # fmt: skip
def test_pairs_of_a_query_that_it_has_are_not_added(target: bytes, sent: bytes) -> None:
    """The others stand before its own."""
    assert ADDED.to(record(target)).target == sent


def test_an_upstream_without_a_query_adds_none() -> None:
    """Nor a mark of one."""
    plain = Added(b"", ((b"host", b"up.test"),), ())
    assert [plain.to(record(target)).target for target in (b"/x", b"/x?a=1")] == [b"/x", b"/x?a=1"]
