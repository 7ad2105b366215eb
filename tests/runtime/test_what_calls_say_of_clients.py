"""What a call says of who is behind it, what the log shows of a request, and whose mistake a value was."""

from __future__ import annotations

from typing import Any

import pytest

from aggregator.edge.networks import parse_networks
from aggregator.errors import CallError, Cause, ExpressionError
from aggregator.exchange import Exchange
from aggregator.identity.caller import Caller
from aggregator.parts.names import Names
from aggregator.parts.result import Result
from aggregator.plan.telemetry import LogPlan
from aggregator.runtime.calls.writing.forwarding import client_lines, rest_of
from aggregator.runtime.observing.sighting import fields_shown, own_fields, seen_of
from aggregator.runtime.parts.blame import blame
from aggregator.telemetry.hiding import NOTHING_HIDDEN, hidden_places
from aggregator.telemetry.requests import Seen
from aggregator.templates import compile_value


def of(*fields: tuple[bytes, bytes], peer: str = "192.0.2.1", scheme: str = "http", host: bytes = b"") -> Exchange:
    """Return a request from *peer*, behind proxies of a private network."""
    made = Exchange("GET", "/x", b"q=1&s=2", [*fields, *([(b"host", host)] if host else [])])
    made.peer, made.scheme, made.trusted = peer, scheme, parse_networks(["10.0.0.0/8"])
    return made


VIA = (b"x-forwarded-for", b"2001:db8::1, 10.0.0.2")


@pytest.mark.parametrize(
    ("exchange", "lines"),
    [
        (of(), [b"x-forwarded-for: 192.0.2.1\r\n", b"x-forwarded-proto: http\r\n"]),
        (of(peer=""), [b"x-forwarded-proto: http\r\n"]),
        (of(host=b"a.test"), [b"x-forwarded-for: 192.0.2.1\r\n", b"x-forwarded-proto: http\r\n", b"x-forwarded-host: a.test\r\n"]),
        (of(scheme="https", host=b"a.test:443", peer=""), [b"x-forwarded-proto: https\r\n", b"x-forwarded-host: a.test\r\n"]),
        (of(host=b"a.test:443", peer=""), [b"x-forwarded-proto: http\r\n", b"x-forwarded-host: a.test:443\r\n"]),
        (of(VIA, peer="10.0.0.1"), [b"x-forwarded-for: 2001:db8::1, 10.0.0.2, 10.0.0.1\r\n", b"x-forwarded-proto: http\r\n"]),
        (of(VIA), [b"x-forwarded-for: 192.0.2.1\r\n", b"x-forwarded-proto: http\r\n"]),
    ],
)  # fmt: skip
def test_a_client_in_lines_of_proxies(exchange: Exchange, lines: list[bytes]) -> None:
    """Its addresses as far as they are believed, its scheme, its host with the port where that is not the usual one."""
    write = client_lines("x-forwarded")
    assert write is not None
    assert write(exchange) == lines


@pytest.mark.parametrize(
    ("exchange", "line"),
    [
        (of(host=b"a.test"), b"forwarded: for=192.0.2.1;proto=http;host=a.test\r\n"),
        (of(peer="", host=b"a.test:81"), b'forwarded: for=unknown;proto=http;host="a.test:81"\r\n'),
        (of(VIA, peer="10.0.0.1", host=b"a.test"),
         b'forwarded: for="[2001:db8::1]";proto=http;host=a.test, for=10.0.0.2, for=10.0.0.1\r\n'),
        (of((b"x-forwarded-for", b"192.0.2.9, fd00::2"), peer="10.0.0.1", host=b"a.test"),
         b'forwarded: for="[fd00::2]";proto=http;host=a.test, for=10.0.0.1\r\n'),
    ],
)  # fmt: skip
def test_a_client_in_one_line(exchange: Exchange, line: bytes) -> None:
    """As RFC 7239 has it: an address of IPv6 in brackets."""
    write = client_lines("forwarded")
    assert write is not None
    assert write(exchange) == [line]
    assert client_lines("no") is None


def test_the_rest_of_the_fields() -> None:
    """But those that are withheld, and those of the connection."""
    fields = [(b"a", b"1"), (b"connection", b"x-b, X-C"), (b"x-b", b"2"), (b"x-c", b"3"), (b"d", b"4"), (b"a", b"5")]
    assert [*rest_of(fields, frozenset({b"connection", b"d"}))] == [(b"a", b"1"), (b"a", b"5")]


REFERENCES: list[tuple[tuple[str, ...], str | None]] = [
    (("query", "a", "b"), "The query parameter `a`"), (("headers", "x-a"), "The header `x-a`"), (("body",), "The request body"),
    (("body", "a", "b"), "The field `a.b` of the request body"), (("id",), "The path parameter `id`"),
    (("params", "id"), "The path parameter `id`"), (("cookies", "a"), "`cookies.a`"), (("auth", "subject"), "`auth.subject`"),
    (("now",), None), (("request", "time"), None), (("part", "a"), None), (("nobody",), None),
]  # fmt: skip


@pytest.mark.parametrize(("reference", "name"), REFERENCES)
def test_a_mistake_of_who_sent_it(reference: tuple[str, ...], name: str | None) -> None:
    """Named as the client knows it; what came of a call, or is nobody's, is no mistake of the client."""
    exchange = of()
    exchange.params = {"id": 1}
    names = Names(exchange)
    names.see({"part": 0}, (Result("part", 0.0, 0.0),))
    error = ExpressionError("it is no number.").reading(frozenset({reference, ("request", "time")}))
    found = blame(error, names)
    if name is None:
        assert found is error
    else:
        assert isinstance(found, CallError)
        assert (found.cause, str(found)) == (Cause.INPUT, f"{name} does not fit: it is no number.")
    assert blame(error, names, frozenset({reference, ("part",)})) is error
    call = CallError(Cause.DNS, "no")
    assert blame(call, names) is call


@pytest.mark.parametrize(
    ("text", "value"),
    [("{{ query.q }}", {"f": "1"}), ("{{ query.nothing }}", {}), ("{{ none }}", {}), ("{{ query.q + 1 }}", {}), ("a", {"f": "a"}),
     ("{{ query.s }}", {"f": "********"})],
)  # fmt: skip
def test_a_field_of_the_log(text: str, value: dict[str, Any]) -> None:
    """What is not there, or cannot be made, is left out; a hidden place shows nothing. A deadline is none any more."""
    plan = LogPlan(fields=(("f", compile_value(text)),), hidden=hidden_places(["query.s"]))
    exchange = of()
    exchange.deadline = 1e-9
    assert own_fields(fields_shown(plan), exchange) == value


def test_a_request_in_the_log() -> None:
    """As the combined format shows it, without what is hidden."""
    exchange = of((b"referer", b"/from"), (b"user-agent", b"curl/8"))
    assert seen_of(exchange, "/shown", NOTHING_HIDDEN) == Seen("GET", "/shown", "q=1&s=2", "", "/from", "curl/8")
    assert seen_of(of(), "/shown", NOTHING_HIDDEN) == Seen("GET", "/shown", "q=1&s=2", "", "", "")
    for caller, shown in ((Caller("keys", "ada"), "ada"), (Caller("keys", ""), ""), (None, "")):
        exchange.caller = caller
        assert seen_of(exchange, "/shown", NOTHING_HIDDEN).user == shown
