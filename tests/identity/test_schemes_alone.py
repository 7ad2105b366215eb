"""What one scheme makes of a request: certificates, deliveries, and what an issuer may say at most."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from aggregator.edge.networks import parse_networks
from aggregator.exchange import Exchange
from aggregator.identity.caller import Caller, Reason, Refused
from aggregator.identity.certificates import CertificateRules
from aggregator.identity.signatures import Delivery
from aggregator.plan.schemes import MtlsPlan
from aggregator.runtime.admission.asked.fetching import LARGEST, document_of, fetched
from aggregator.runtime.admission.certificates import MtlsScheme
from aggregator.runtime.admission.deliveries import MOST, Deliveries, SignedDelivery

RULES = CertificateRules(subjects=("CN=good",))
PROXIES = parse_networks(("10.0.0.0/8",))


def of_request(fields: list[tuple[bytes, bytes]], peer: str = "10.0.0.1", shown: Any = None) -> Exchange:
    """Return a request of *peer* with *fields*, over a connection on which the certificate *shown* came."""

    async def made() -> Exchange:
        return Exchange("GET", "/", b"", fields, peer=peer, trusted=PROXIES, tls_client=shown)

    return asyncio.run(made())


def verdict(judge: Callable[[Exchange], Caller | None], exchange: Exchange) -> Any:
    """Return the subject of the caller, the reason of a refusal, or None for nobody."""
    try:
        found = judge(exchange)
    except Refused as refused:
        return refused.reason
    return None if found is None else found.subject


@pytest.mark.parametrize(
    ("fields", "peer", "judged", "recalled"),
    [
        ([(b"x-client", b"CN=good")], "10.0.0.1", "CN=good", "CN=good"),
        ([(b"x-client", b"CN=bad")], "10.0.0.1", Reason.UNKNOWN, None),
        ([(b"x-client", b"CN=good")], "192.0.2.1", Reason.MISSING, Reason.MISSING),
        ([], "10.0.0.1", Reason.MISSING, Reason.MISSING),
        ([(b"x-client", b"")], "10.0.0.1", Reason.MISSING, Reason.MISSING),
        ([(b"x-other", b"CN=good")], "10.0.0.1", Reason.MISSING, Reason.MISSING),
        ([(b"x-client", b"CN=good"), (b"x-client", b"CN=good")], "10.0.0.1", Reason.MALFORMED, None),
        ([(b"x-client", b""), (b"x-client", b"CN=good")], "10.0.0.1", Reason.MALFORMED, None),
    ],
)
def test_a_certificate_in_a_header_is_believed_of_a_proxy(
    fields: list[tuple[bytes, bytes]], peer: str, judged: Any, recalled: Any
) -> None:
    """That is trusted, and that writes it once; asked again, it is the same."""
    scheme = MtlsScheme(MtlsPlan("mtls", RULES, "x-client", "subject"))
    for _ in range(2):
        assert verdict(scheme.judge, of_request(fields, peer)) == judged
        assert verdict(scheme.recall, of_request(fields, peer)) == recalled


@pytest.mark.parametrize(
    ("subject", "judged", "recalled"),
    [("CN=good", "CN=good", "CN=good"), ("CN=bad", Reason.UNKNOWN, None), (None, Reason.MISSING, Reason.MISSING)],
)
def test_a_certificate_of_the_connection_is_that_of_the_caller(subject: str | None, judged: Any, recalled: Any) -> None:
    """Whatever a header says."""
    shown = None if subject is None else {"subject": subject, "san": ["DNS:a.test"], "fingerprint": "ab"}
    scheme = MtlsScheme(MtlsPlan("mtls", RULES))
    exchange = of_request([(b"x-client", b"CN=good")], shown=shown)
    assert (verdict(scheme.judge, exchange), verdict(scheme.recall, exchange)) == (judged, recalled)
    if judged == "CN=good":
        assert scheme.judge(exchange).claims == {"subject": "CN=good", "san": ["DNS:a.test"], "fingerprint": "ab"}


def delivery(deliveries: Deliveries, key: bytes = b"k", seconds: float = 5.0) -> SignedDelivery:
    """Return a delivery with *key*, whose signature may be used for so many *seconds*."""
    return SignedDelivery(Delivery("id", seconds), key, deliveries)


@pytest.mark.parametrize(
    ("well", "seconds", "again"),
    [
        (True, 4.999, "answered"),
        (True, 5.0, "first"),
        (False, 0.0, "first"),
    ],
)
def test_a_delivery_that_was_answered_well_is_not_answered_again(well: bool, seconds: float, again: str) -> None:
    """For as long as its signature could be used; until then another one of the same key waits for it."""
    now = [100.0]
    deliveries = Deliveries(lambda: now[0])
    first, second = delivery(deliveries), delivery(deliveries)
    assert (first.begin(), second.begin(), delivery(deliveries, b"other").begin()) == ("first", "under way", "first")
    first.end(well=well)
    first.end(well=not well)
    now[0] += seconds
    assert delivery(deliveries).begin() == again


def test_a_delivery_that_never_began_ends_nobody_elses() -> None:
    """Neither by its end, nor when nobody holds it any more; one that began ends with who held it."""
    deliveries = Deliveries(time.monotonic)
    first, second = delivery(deliveries), delivery(deliveries)
    assert (first.begin(), second.begin()) == ("first", "under way")
    second.end(well=True)
    del second
    assert delivery(deliveries).begin() == "under way"
    del first
    assert delivery(deliveries).begin() == "first"


def test_so_many_deliveries_are_under_way() -> None:
    """One more is like one that is being answered, and comes again."""
    deliveries = Deliveries(time.monotonic)
    held = [delivery(deliveries, b"%d" % number) for number in range(MOST)]
    assert {one.begin() for one in held} == {"first"}
    assert delivery(deliveries, b"more").begin() == "under way"
    held.pop().end(well=False)
    assert delivery(deliveries, b"more").begin() == "first"


@pytest.mark.parametrize(("length", "is_read"), [(LARGEST, True), (LARGEST + 1, False)])
def test_an_issuer_may_say_so_much(length: int, is_read: bool) -> None:
    """To the byte; and where it sends elsewhere, that is its answer."""

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/moved":
            return httpx.Response(302, headers={"location": "/there"}, content=b"moved")
        return httpx.Response(200, content=b"x" * length)

    async def main() -> list[Any]:
        found: list[Any] = []
        async with httpx.AsyncClient(transport=httpx.MockTransport(answer), follow_redirects=True) as client:
            found.append(await fetched(client, client.build_request("GET", "http://id.test/moved")))
            try:
                found.append(await fetched(client, client.build_request("GET", "http://id.test/a")))
            except ValueError as error:
                found.append(str(error))
        return found

    assert asyncio.run(main()) == [(302, b"moved"), (200, b"x" * length) if is_read else "the answer is too large"]


@pytest.mark.parametrize(("body", "value"), [(b'{"a": [1]}', {"a": [1]}), (b"", None), (b"{", None), (b"\xff", None)])
def test_what_an_issuer_says_is_json_or_nothing(body: bytes, value: Any) -> None:
    """By the rules for all JSON."""
    if value is not None:
        assert document_of(body) == value
        return
    with pytest.raises(ValueError, match=r"^it is no JSON$"):
        document_of(body)
