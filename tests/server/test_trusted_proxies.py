"""Who the client is: behind proxies that are trusted, and before those that are not; through the whole server."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient

from aggregator import create_app, load_config
from aggregator.errors import ConfigError

WHO = "{{ request.client }} {{ request.scheme }} {{ request.host }} {{ request.port }}"
FILE = f"""\
telemetry: {{log: {{access: all}}}}
server: {{trusted_proxies: [127.0.0.0/8, 10.0.0.0/8]}}
endpoints:
  GET /who: {{respond: {{body: "{WHO}"}}}}
  POST /who: {{body: {{type: object}}, respond: {{body: "{WHO}"}}}}
  GET /inside: {{allow_from: [192.0.2.0/24], respond: {{body: "in"}}}}
"""
PLAIN = f"""\
endpoints:
  GET /who: {{respond: {{body: "{WHO}"}}}}
"""


@pytest.fixture(scope="module")
def served(shared_stage):
    """A server behind proxies that it trusts."""
    return shared_stage.gateway(FILE)


@pytest.mark.parametrize(
    ("lines", "who"),
    [
        ((), "127.0.0.1 http gateway 80"),
        (("x-forwarded-for: 192.0.2.7",), "192.0.2.7 http gateway 80"),
        (("x-forwarded-for: 6.6.6.6, 192.0.2.7",), "192.0.2.7 http gateway 80"),
        (("x-forwarded-for: 192.0.2.7, 10.1.1.1",), "192.0.2.7 http gateway 80"),
        (("x-forwarded-for: 192.0.2.7", "x-forwarded-proto: https"), "192.0.2.7 https gateway 443"),
        (
            ("x-forwarded-for: 192.0.2.7", "x-forwarded-proto: https", "x-forwarded-host: Shop.example.com:8443"),
            "192.0.2.7 https shop.example.com 8443",
        ),
        (("forwarded: for=192.0.2.9;proto=https;host=a.example", "x-forwarded-for: 6.6.6.6"), "192.0.2.9 https a.example 443"),
        (("x-forwarded-for: 192.0.2.7, unknown",), "127.0.0.1 http gateway 80"),
        (('forwarded: for="[2001:db8::7]:4711"',), "2001:db8::7 http gateway 80"),
    ],
)  # fmt: skip
def test_a_trusted_proxy_is_believed(served, lines, who):
    """The right-most address that is not trusted is the client, and its proxy tells scheme and host; on both ways."""
    assert served.get("/who", *lines).json == who
    assert served.ask("POST", "/who", "content-type: application/json", *lines, body=b"{}").json == who


def test_others_are_not_believed(stage):
    """Without trusted proxies a client is where its connection comes from, whatever it says."""
    lines = ("x-forwarded-for: 192.0.2.7", "x-forwarded-proto: https", "forwarded: for=192.0.2.7;host=evil.example")
    assert stage.gateway(PLAIN).get("/who", *lines).json == "127.0.0.1 http gateway 80"


def test_guards_and_logs_take_the_client_behind_the_proxy(stage):
    """Networks, the lines of answers and those of refusals go by the same address as `request.client`."""
    server = stage.gateway(FILE)
    assert server.get("/inside", "x-forwarded-for: 192.0.2.7").status == 200
    assert server.get("/inside", "x-forwarded-for: 203.0.113.7").status == 403
    assert server.get("/nowhere", "x-forwarded-for: 203.0.113.9").status == 404
    stage.until(lambda: len(server.said("Refused")) + len(server.said("Answered")) == 3)
    told = [line["client"] for line in (*server.said("Answered"), *server.said("Refused"))]
    assert told == ["192.0.2.7", "203.0.113.7", "203.0.113.9"]


def test_the_document_names_the_host_that_the_proxy_serves(stage):
    """The servers of the OpenAPI document are those of the client's own address, and absent where nothing says one."""
    server = stage.gateway(FILE)
    lines = ("x-forwarded-for: 192.0.2.7", "x-forwarded-proto: https", "x-forwarded-host: shop.example.com")
    assert server.get("/openapi.json", *lines).json["servers"] == [{"url": "https://shop.example.com"}]
    assert "servers" not in server.get("/openapi.json").json
    assert "servers" not in server.get("/openapi.json", "x-forwarded-host: shop.example.com").json


def test_a_reload_changes_who_is_believed(stage):
    """The list of trusted proxies takes effect with the file."""
    server = stage.gateway(PLAIN)
    server.reload(FILE)
    assert server.get("/who", "x-forwarded-for: 192.0.2.7").json.startswith("192.0.2.7 ")


@pytest.mark.parametrize(("trusted", "client"), [("[]", None), ('["unix:"]', "192.0.2.7")])
def test_a_peer_on_a_unix_socket_is_null(trusted, client, tmp_path):
    """Who comes over a Unix socket has no address, unless it is trusted and tells one."""
    path = tmp_path / "routes.yaml"
    path.write_text(
        f"version: 1\nserver: {{trusted_proxies: {trusted}}}\n"
        "endpoints: {GET /who: {respond: {body: {client: '{{ request.client }}'}}}}\n"
    )
    with TestClient(create_app(path), client=None) as asking:
        assert asking.get("/who", headers={"x-forwarded-for": "192.0.2.7"}).json() == {"client": client}


def test_what_is_no_network_is_told(tmp_path):
    """A name, or an address with bits behind its mask, is a problem with its place and a way to mend it."""
    path = tmp_path / "routes.yaml"
    path.write_text("version: 1\nserver: {trusted_proxies: [10.0.0.1/8]}\nendpoints: {GET /a: {respond: {body: 1}}}\n")
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    (found,) = caught.value.diagnostics
    assert found.hint is not None
    assert "10.0.0.0/8" in found.hint
