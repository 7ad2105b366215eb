"""The recipes of the edge by the way that they are written for: real connections, headers of proxies, TLS."""

from __future__ import annotations

import re
import ssl
from pathlib import Path

import pytest
import trustme
from server.conftest import Gateway, Stage, Wire
from server.conftest import stage as stage
from tries import recipes_in

PAGE = Path(__file__).parents[2] / "docs/cookbook/edge.md"


def recipe(title: str, stage: Stage) -> tuple[str, ssl.SSLContext]:
    """Return the file under *title* for a machine of tests: free ports, proxies on loopback; its pair of TLS is there."""
    text = dict(recipes_in(PAGE))[title]
    authority = trustme.CA()
    context = ssl.create_default_context(cadata=authority.cert_pem.bytes().decode())
    for cert, key in re.findall(r"tls: \{cert: (\S+), key: (\S+)\}", text):
        pair = authority.issue_cert("localhost")
        (stage.folder / cert).parent.mkdir()
        pair.cert_chain_pems[0].write_to_path(stage.folder / cert)
        pair.private_key_pem.write_to_path(stage.folder / key)
    text = re.sub(r'"(?:0\.0\.0\.0|127\.0\.0\.1):\d+"', '"127.0.0.1:0"', text).replace(', "[::]:8443"', "")
    return text.replace("10.0.0.0/8", "127.0.0.0/8").replace("/run/aggregator", str(stage.folder)), context


def test_a_load_balancer_of_http(stage: Stage) -> None:
    """Its word about client, scheme and host counts, for limits too; it is told to go elsewhere before the end."""
    text, _ = recipe("A load balancer of HTTP in front", stage)
    gateway = stage.gateway(text.replace("drain_delay: 15s", "drain_delay: 50ms"))
    lines = ("x-forwarded-for: 203.0.113.7", "x-forwarded-proto: https", "x-forwarded-host: api.example.com")
    said = gateway.get("/whoami", *lines).json
    assert said == {"client": "203.0.113.7", "scheme": "https", "host": "api.example.com"}
    assert gateway.get("/readyz").status == 200
    kept = gateway.wire()
    assert kept.ask("GET", "/users/1").status == 200
    gateway.service.stop()
    stage.until(lambda: gateway.app.running.draining)
    assert kept.ask("GET", "/readyz").status == 503


def test_a_load_balancer_of_tcp(stage: Stage) -> None:
    """The PROXY header names the client of a connection by TLS; administration needs none, others get nothing."""
    text, context = recipe("A load balancer of TCP in front", stage)
    gateway = stage.gateway(text)
    with stage.wire(gateway.port, first=b"PROXY TCP4 203.0.113.7 198.51.100.1 5 443\r\n", tls=context) as wire:
        assert wire.ask("GET", "/whoami").json == {"client": "203.0.113.7", "scheme": "https"}
    with stage.wire(gateway.admin) as wire:
        assert wire.ask("GET", "/readyz").status == 200
    with pytest.raises((ssl.SSLError, ConnectionError)):
        stage.wire(gateway.port, tls=context)


def redirecting(gateway: Gateway) -> int:
    """Return the port that sends on to TLS."""
    return next(one.socket.getsockname()[1] for one in gateway.listeners if one.role == "redirect")


@pytest.mark.long
def test_alone_on_the_internet(stage: Stage) -> None:
    """TLS with strict headers and codings, plain requests sent on, one client bounded; administration is not public."""
    text, context = recipe("Alone on the internet", stage)
    gateway = stage.gateway(text)
    gateway.tls = context
    answer = gateway.get("/users/1", "accept-encoding: gzip")
    assert (answer.status, answer["content-encoding"]) == (200, "gzip")
    assert answer["strict-transport-security"] == "max-age=31536000"
    assert gateway.get("/-/config").status == 404
    with stage.wire(redirecting(gateway)) as wire:
        sent_on = wire.ask("GET", "/users/1?a=b")
    assert (sent_on.status, sent_on["location"]) == (308, "https://gateway/users/1?a=b")
    with stage.wire(gateway.port) as wire:
        assert wire.ask("GET", "/users/1").status == 400
    wires: list[Wire] = [gateway.wire() for _ in range(50)]
    assert wires[-1].ask("GET", "/users/1").status == 200
    with pytest.raises((ConnectionError, ssl.SSLError, stage.Incomplete)):  # maybe while it shakes hands
        gateway.wire().ask("GET", "/users/1")
