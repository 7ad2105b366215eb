"""Certificates of clients as credentials: those of our own TLS, and those that a trusted proxy tells."""

from __future__ import annotations

import base64
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest
import trustme
from fastapi.testclient import TestClient

from aggregator import create_app
from aggregator.server.once.checking import check_file

AUTH = """\
auth:
  devices: {mtls: {sans: ["DNS:*.sensors.test"]}}
  any: {mtls: {}}
endpoints:
  GET /device: {auth: devices, respond: {body: "{{ auth.claims.san }}"}}
  GET /any: {auth: any, respond: {body: "{{ auth.subject is defined }}"}}
"""
TOLD = """\
version: 1
server: {trusted_proxies: [10.0.0.0/8]}
auth:
  devices: {mtls: {sans: ["DNS:*.sensors.test"], from: {header: Client-Cert}}}
  named: {mtls: {subjects: "CN=sensor-*", from: {header: x-client-dn, form: subject}}}
endpoints:
  GET /device: {auth: devices, respond: {body: "{{ auth.scheme }}"}}
  GET /named: {auth: named, respond: {body: "{{ auth.subject }}"}}
"""


class Pki:
    """Two authorities: that of the server, and that of its clients."""

    def __init__(self) -> None:
        self.server, self.clients = trustme.CA(), trustme.CA()

    def write(self, folder: Path) -> None:
        """Write what the server needs."""
        pair = self.server.issue_cert("localhost")
        pair.private_key_pem.write_to_path(folder / "api.key")
        pair.cert_chain_pems[0].write_to_path(folder / "api.pem")
        self.clients.cert_pem.write_to_path(folder / "clients.pem")

    def context(self, name: str | None) -> ssl.SSLContext:
        """Return the context of a client whose certificate is for *name*, None for one without."""
        context = ssl.create_default_context(cadata=self.server.cert_pem.bytes().decode())
        if name is not None:
            self.clients.issue_cert(name).configure_cert(context)
        return context


@pytest.fixture(scope="module")
def pki() -> Pki:
    """The authorities."""
    return Pki()


@pytest.mark.parametrize(
    ("name", "device", "anybody"), [("a.sensors.test", 200, 200), ("a.b.test", 401, 200), (None, 401, 401)]
)
def test_the_certificate_of_the_connection(stage, pki: Pki, name: str | None, device: int, anybody: int) -> None:
    """A client is admitted by the names in its certificate; one without a certificate is not."""
    pki.write(stage.folder)
    tls = "{cert: api.pem, key: api.key, client_ca: clients.pem, client: optional}"
    gateway = stage.gateway(f"server: {{tls: {tls}}}\n{AUTH}")
    wire = gateway.wire()
    wire.socket = pki.context(name).wrap_socket(wire.socket, server_hostname="localhost")
    assert (wire.ask("GET", "/device").status, wire.ask("GET", "/any").status) == (device, anybody)


@pytest.fixture
def clients(tmp_path: Path) -> Callable[[str], TestClient]:
    """Makes clients of an application behind proxies, each at an address of its own."""
    (tmp_path / "routes.yaml").write_text(TOLD)
    app = create_app(tmp_path / "routes.yaml")
    return lambda address: TestClient(app, client=(address, 1))


def field(pki: Pki, name: str) -> str:
    """Return the certificate of a client as RFC 9440 writes it."""
    pem = pki.clients.issue_cert(name).cert_chain_pems[0].bytes().decode()
    return f":{base64.b64encode(ssl.PEM_cert_to_DER_cert(pem)).decode()}:"


def test_what_a_trusted_proxy_tells(clients: Callable[[str], TestClient], pki: Pki) -> None:
    """The proxy is believed, and a client that writes the same header is not."""
    told = {"client-cert": field(pki, "a.sensors.test")}
    with clients("10.0.0.1") as proxy:
        assert proxy.get("/device", headers=told).json() == "devices"
        assert proxy.get("/device", headers={"client-cert": field(pki, "a.other.test")}).status_code == 401
        assert proxy.get("/device", headers={"client-cert": "garbage"}).status_code == 401
        assert proxy.get("/device", headers={"client-cert": ""}).status_code == 401
        assert proxy.get("/named", headers={"x-client-dn": "CN=sensor-7"}).json() == "CN=sensor-7"
        assert proxy.get("/named", headers={"x-client-dn": "CN=sensor-7,O=Evil"}).status_code == 401
        assert proxy.get("/named", headers=[("x-client-dn", "CN=sensor-7")] * 2).status_code == 401
        assert clients("192.0.2.1").get("/device", headers=told).status_code == 401
        schemes = proxy.get("/openapi.json").json()["components"]["securitySchemes"]
    assert schemes["devices"] == {"type": "mutualTLS"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (TOLD.replace("server: {trusted_proxies: [10.0.0.0/8]}\n", ""), "nobody is believed who sends `client-cert`"),
        (f"version: 1\n{AUTH}", "nobody asks clients for a certificate here"),
        (TOLD.replace("CN=sensor-*", "CN=*-*-*-*-*"), "at most 4"),
        (TOLD.replace('subjects: "CN=sensor-*"', "fingerprints: [abc]"), "no SHA-256"),
        (TOLD.replace("header: Client-Cert", "header: a b"), "no name of a header"),
    ],
)
def test_what_check_says(tmp_path: Path, text: str, said: str) -> None:
    """A certificate that nobody verifies, and a pattern that is none, are found at load."""
    (tmp_path / "routes.yaml").write_text(text)
    found = check_file(str(tmp_path / "routes.yaml"), {}).diagnostics
    assert any(said in problem.message for problem in found), found
