"""A caller who was here a moment ago is recalled, and a delivery that was answered before is not answered again."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from aggregator.exchange import Exchange
from aggregator.identity.caller import Caller, Reason, Refused
from aggregator.identity.signatures import Delivery
from aggregator.plan.incoming.admission import AuthPlan
from aggregator.runtime.admission.deliveries import Deliveries, SignedDelivery
from aggregator.runtime.admission.gates import AuthGate
from aggregator.runtime.admission.refusals import Refusals
from aggregator.runtime.request.gates import admitted
from aggregator.stores.rate import Rate


class Known:
    """A scheme that knows its caller, and counts how often it is asked; *delivery* is what a request of it is."""

    rates: frozenset[Rate] = frozenset()
    challenge = "Known"

    def __init__(self, name: str, recalled: Caller | Refused | None, delivery: SignedDelivery | None = None) -> None:
        self.name = name
        self.asked = 0
        self._recalled, self._delivery = recalled, delivery

    def judge(self, exchange: Exchange) -> Caller:
        """Return the caller."""
        self.asked += 1
        exchange.delivery = self._delivery
        return Caller(self.name, "judged")

    def recall(self, _: Exchange) -> Caller | None:
        """Return who was here before."""
        if isinstance(self._recalled, Refused):
            raise self._recalled
        return self._recalled


BEFORE = Caller("a", "recalled")


def passed(schemes: list[Known], **plan: Any) -> tuple[Any, Exchange]:
    """Return the answer of a gate of *schemes*, None for a caller who passes, and the exchange."""
    gate = AuthGate(AuthPlan(tuple(one.name for one in schemes), **plan), schemes, Refusals())
    exchange = Exchange("GET", "/", b"", [])
    return asyncio.run(admitted((gate,), exchange)), exchange


@pytest.mark.parametrize(
    ("number", "plan", "subject", "asked"),
    [
        (1, {}, "recalled", [0]),
        (1, {"every": True}, "recalled", [0]),
        (2, {}, "recalled", [0, 0]),
        (2, {"every": True}, "judged", [1, 1]),
        (1, {"reads_body": True}, "judged", [1]),
        (2, {"reads_body": True}, "judged", [1, 0]),
    ],
)
def test_a_caller_is_recalled_where_one_credential_decides(
    number: int, plan: dict[str, Any], subject: str, asked: list[int]
) -> None:
    """That of the first scheme; where each has to admit, or a body is judged, all of it is looked at again."""
    schemes = [Known(name, BEFORE) for name in "ab"[:number]]
    answer, exchange = passed(schemes, **plan)
    assert answer is None
    assert exchange.caller is not None
    assert (exchange.caller.subject, [one.asked for one in schemes]) == (subject, asked)


@pytest.mark.parametrize("recalled", [None, Refused(Reason.UNKNOWN)])
def test_whoever_is_not_recalled_is_judged(recalled: Refused | None) -> None:
    """Also where what is remembered refuses, which the scheme then says itself."""
    scheme = Known("a", recalled)
    answer, exchange = passed([scheme])
    assert (answer, scheme.asked) == (None, 1)
    assert exchange.caller is not None
    assert exchange.caller.subject == "judged"


def deliveries_at(state: str) -> tuple[Deliveries, SignedDelivery]:
    """Return deliveries of which one is in that *state*, and it."""
    deliveries = Deliveries(lambda: 0.0)
    one = SignedDelivery(Delivery("id", 5.0), b"key", deliveries)
    if state != "new":
        one.begin()
    if state == "answered":
        one.end(well=True)
    return deliveries, one


@pytest.mark.parametrize(
    ("state", "status", "fields", "sentence", "reason"),
    [
        ("new", None, [], None, None),
        ("under way", 409, [(b"retry-after", b"1")], "A caller was refused.", "under_way"),
        (
            "answered",
            200,
            [(b"cache-control", b"no-store")],
            "A delivery came again; it was answered without a call.",
            None,
        ),
    ],
)
def test_a_delivery_is_answered_once(
    caplog: pytest.LogCaptureFixture, state: str, status: int | None, fields: list[tuple[bytes, bytes]],
    sentence: str | None, reason: str | None,
) -> None:  # fmt: skip
    """Its sender hears that it was, or that it comes again later; the log says which."""
    caplog.set_level(logging.INFO, "aggregator.auth")
    deliveries, held = deliveries_at(state)
    again = SignedDelivery(Delivery("id", 5.0), b"key", deliveries)
    answer, _ = passed([Known("a", None, again)], reads_body=True)
    assert (None if answer is None else answer.status) == status
    told = (
        [] if answer is None else [field for field in answer.leading if field[0] in (b"retry-after", b"cache-control")]
    )
    assert [field for field in told if field in fields] == fields
    assert [record.getMessage() for record in caplog.records] == ([] if sentence is None else [sentence])
    if reason is not None:
        said = caplog.records[0].fields  # type: ignore[attr-defined]
        assert (said["status"], said["cause"], said["reason"], said["scheme"]) == (409, "under_way", reason, "a")
        assert answer.document["status"] == 409
    held.end(well=False)


def test_a_delivery_of_nobody_is_answered() -> None:
    """A scheme that judges bodies may admit by something else."""
    assert passed([Known("a", None, None)], reads_body=True)[0] is None
