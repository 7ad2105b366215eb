"""TLS towards clients: versions, names, certificates of clients, renewal, and what does not speak it."""

from __future__ import annotations

import hashlib
import shutil
import socket
import ssl
import threading
from pathlib import Path

import pytest
import trustme

from aggregator.plan.incoming.listening import ListenerTlsPlan, PairPlan
from aggregator.server.listeners import beginnings
from aggregator.server.listeners.contexts import listener_context

ENDPOINTS = """
endpoints:
  GET /n: {respond: {body: 1}}
  GET /who: {respond: {body: {client: "{{ request.tls.client }}", subject: "{{ request.tls.client.subject }}"}}}
  GET /large: {respond: {body: "${LARGE}"}}
  POST /echo: {respond: {body: {got: "{{ body }}"}}}
"""
LARGE = "x" * 3_000_000


class Secrets:
    """An authority and files of it in *folder*; `renew` writes another certificate into the same files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.authority = trustme.CA()
        self.clients = trustme.CA()
        self.renew("api", "localhost", "127.0.0.1")
        self.renew("eu", "*.eu.example.com")
        self.clients.cert_pem.write_to_path(folder / "clients.pem")

    def renew(self, name: str, *hosts: str) -> bytes:
        """Write a new pair, and return the certificate as DER."""
        pair = self.authority.issue_cert(*hosts)
        pair.private_key_pem.write_to_path(self.folder / f"{name}.key")
        pair.cert_chain_pems[0].write_to_path(self.folder / f"{name}.pem")
        return ssl.PEM_cert_to_DER_cert(pair.cert_chain_pems[0].bytes().decode())

    def context(self, *, client: str | None = None, tls: ssl.TLSVersion | None = None) -> ssl.SSLContext:
        """Return a context of a client that believes the authority, and has a certificate for *client*."""
        context = ssl.create_default_context(cadata=self.authority.cert_pem.bytes().decode())
        if client is not None:
            self.clients.issue_cert(client, common_name="Alice, of Shop", organization_name="Shop").configure_cert(
                context
            )
        if tls is not None:
            context.minimum_version = context.maximum_version = tls
        return context


@pytest.fixture(scope="module")
def secrets(tmp_path_factory):
    """Keys are slow to make: one set for all tests of the file."""
    return Secrets(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def serve(stage, secrets):
    """Serves with TLS by *settings* and the files of `secrets`, copied so that each test may renew its own."""

    def start(settings: str = "", *, server: str = "", top: str = "", **options):
        for file in secrets.folder.iterdir():
            shutil.copy(file, stage.folder)
        text = f"{top}server: {{tls: {{cert: api.pem, key: api.key{settings}}}{server}}}\n{ENDPOINTS}"
        return stage.gateway(text, env={"LARGE": LARGE}, **options)

    return start


def tls(gateway, context: ssl.SSLContext, name: str = "localhost"):
    """Return a connection to *gateway* by TLS."""
    wire = gateway.wire()
    wire.socket = context.wrap_socket(wire.socket, server_hostname=name)
    return wire


@pytest.mark.long
def test_requests_are_answered_one_after_another(serve, secrets):
    """On one connection, small and large, with and without a body; ALPN says http/1.1."""
    gateway = serve()
    context = secrets.context()
    context.set_alpn_protocols(["h2", "http/1.1"])
    wire = tls(gateway, context)
    assert wire.socket.selected_alpn_protocol() == "http/1.1"
    assert wire.socket.version() == "TLSv1.3"
    for _ in range(3):
        assert wire.ask("GET", "/n").json == 1
        assert wire.ask("GET", "/large").json == LARGE
        assert wire.ask("POST", "/echo", "content-type: application/json", body=b'"hi"').json == {"got": "hi"}
    gateway.stop()


def test_a_client_without_certificate_has_none(serve, secrets):
    """`request.tls.client` is null, by TLS and without."""
    assert tls(serve(), secrets.context()).ask("GET", "/who").json == {"client": None, "subject": None}


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_client_certificate_is_seen(serve, secrets, version):
    """Subject as RFC 4514 writes it, alternative names with their kind, and the SHA-256 of the whole."""
    gateway = serve(", client_ca: clients.pem, client: optional")
    context = secrets.context(tls=version)
    pair = secrets.clients.issue_cert("alice@shop.example", common_name="Alice, of Shop", organization_name="Shop")
    pair.configure_cert(context)
    seen = tls(gateway, context).ask("GET", "/who").json["client"]
    der = ssl.PEM_cert_to_DER_cert(pair.cert_chain_pems[0].bytes().decode())
    assert seen["fingerprint"] == hashlib.sha256(der).hexdigest()
    assert seen["san"] == ["email:alice@shop.example"]
    assert seen["subject"].startswith(r"CN=Alice\, of Shop,")
    assert tls(gateway, secrets.context()).ask("GET", "/who").json["client"] is None


def test_a_required_certificate_is_required(serve, secrets, stage):
    """Without one, or with one of another authority, nobody gets an answer; the log says why."""
    gateway = serve(", client_ca: clients.pem", top="telemetry: {log: {access: all}}\n")
    stranger = secrets.context()
    trustme.CA().issue_cert("mallory@example.com").configure_cert(stranger)
    for context in (secrets.context(), stranger):
        with pytest.raises((ssl.SSLError, ConnectionError, gateway_ended(gateway))):
            tls(gateway, context).ask("GET", "/n")
    assert tls(gateway, secrets.context(client="a@shop.example")).ask("GET", "/n").json == 1
    reasons = {"peer did not return a certificate", "certificate verify failed"}
    stage.until(lambda: reasons <= {fields["reason"] for fields in gateway.said("A TLS handshake failed.")})


def gateway_ended(_):
    """Return what a wire raises at the end of its connection."""
    from tests.server.conftest import Incomplete

    return Incomplete


@pytest.mark.parametrize(
    ("asked", "got"),
    [
        ("shop.eu.example.com", "*.eu.example.com"),
        ("SHOP.EU.example.com", "*.eu.example.com"),
        ("localhost", "localhost"),
        ("other.example.com", "localhost"),
        ("a.b.eu.example.com", "localhost"),
    ],
)
def test_the_certificate_follows_the_name_that_is_asked_for(serve, secrets, asked, got):
    """Exactly, or with one label for `*.`; a name that nobody knows gets the first one."""
    gateway = serve(', names: {"*.eu.example.com": {cert: eu.pem, key: eu.key}}')
    context = secrets.context()
    context.check_hostname = False
    names = tls(gateway, context, asked).socket.getpeercert()["subjectAltName"]
    assert names[0] == ("DNS", got)


def _meets(secrets, security, version, ciphers):
    """Return whether a client of *version* with *ciphers* alone, and a server of *security*, agree on something."""
    pair = PairPlan(str(secrets.folder / "api.pem"), str(secrets.folder / "api.key"))
    server_context = listener_context(ListenerTlsPlan(pair, security=security))
    client_context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client_context.check_hostname, client_context.verify_mode = False, ssl.CERT_NONE
    client_context.set_ciphers(f"{ciphers}:@SECLEVEL=0")
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        client_context.minimum_version = client_context.maximum_version = version
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = client_context.wrap_bio(to_client, to_server)
    server = server_context.wrap_bio(to_server, to_client, server_side=True)
    try:
        for _ in range(6):
            for side in (client, server):
                try:
                    side.do_handshake()
                except ssl.SSLWantReadError:
                    continue
    except ssl.SSLError:
        return False
    return client.version() is not None


@pytest.mark.parametrize(
    ("version", "ciphers", "accepted"),
    [
        ("TLSv1_3", "ALL", ("modern", "compatible", "legacy")),
        ("TLSv1_2", "ECDHE+AESGCM", ("modern", "compatible", "legacy")),
        ("TLSv1_2", "ECDHE-RSA-AES128-SHA:ECDHE-ECDSA-AES128-SHA", ("compatible", "legacy")),
        ("TLSv1_2", "AES128-SHA", ()),
        ("TLSv1_1", "ALL", ("legacy",)),
        ("TLSv1", "ALL", ("legacy",)),
    ],
)
def test_security_says_what_is_spoken(secrets, version, ciphers, accepted):
    """Each level takes what it names and nothing older."""
    kinds = ("modern", "compatible", "legacy")
    assert tuple(kind for kind in kinds if _meets(secrets, kind, ssl.TLSVersion[version], ciphers)) == accepted


@pytest.mark.parametrize("first", [b"GET /n HTTP/1.1\r\nhost: a\r\n\r\n", b"POST /n HTTP/1.1\r\ncontent-length: 9"])
def test_a_plain_request_gets_a_readable_400(serve, first):
    """Whoever forgets the s is told; the connection ends."""
    gateway = serve(top="telemetry: {log: {access: all}}\n")
    wire = gateway.wire().send(first)
    reply = wire.reply()
    assert reply.status == 400
    assert reply.detail == "This port speaks TLS, and the request came without: ask for the same by https."
    assert wire.ended
    assert gateway.said("Refused.")[-1]["status"] == 400


def test_what_is_no_handshake_is_closed(serve, secrets):
    """Bytes that only begin like TLS end the connection, and nobody else's."""
    gateway = serve()
    assert gateway.wire().send(b"\x16\x03\x01\x00\x05hello").rest()[:1] in (b"", b"\x15")
    assert tls(gateway, secrets.context()).ask("GET", "/n").json == 1


def test_a_slow_handshake_is_given_up(serve, secrets, stage, monkeypatch):
    """It has its time, like everything that a client does."""
    monkeypatch.setattr(beginnings, "SECONDS", 0.1)
    gateway = serve(top="telemetry: {log: {access: all}}\n")
    assert gateway.wire().send(b"\x16").ended
    stage.until(lambda: gateway.said("A TLS handshake failed."))
    assert gateway.said("A TLS handshake failed.")[-1]["reason"] == "it took more than 0.1 s"


def test_many_slow_handshakes_keep_nobody_out(serve, secrets, monkeypatch):
    """Beyond the bound, the oldest is given up for each new one."""
    monkeypatch.setattr(beginnings, "MOST", 5)
    gateway = serve()
    slow = [gateway.wire().send(b"\x16") for _ in range(30)]
    assert tls(gateway, secrets.context()).ask("GET", "/n").json == 1
    assert slow[0].ended


def test_a_stop_does_not_wait_for_a_handshake(serve, stage):
    """Who has not begun to speak TLS is let go."""
    gateway = serve()
    gateway.wire().send(b"\x16")
    stage.until(lambda: any(one.beginnings.under_way for one in gateway.service.server.handshakes.values()))
    assert gateway.stop() == 0
    assert gateway.said("A TLS handshake failed.") == []


@pytest.mark.long
def test_a_renewed_certificate_is_used_without_a_restart(serve, secrets, stage):
    """New connections get it, open ones go on; a pair that does not fit is refused and told, and the old one stays."""
    gateway = serve(watch=True)
    old = tls(gateway, secrets.context())
    first = old.socket.getpeercert(binary_form=True)
    fresh = secrets.authority.issue_cert("localhost")
    fresh.cert_chain_pems[0].write_to_path(stage.folder / "api.pem")
    stage.until(lambda: gateway.said("A new configuration was refused; the running one stays."))
    assert "holds the key of another certificate" in gateway.reloads[-1].report
    assert tls(gateway, secrets.context()).socket.getpeercert(binary_form=True) == first
    fresh.private_key_pem.write_to_path(stage.folder / "api.key")
    der = ssl.PEM_cert_to_DER_cert(fresh.cert_chain_pems[0].bytes().decode())
    stage.until(lambda: tls(gateway, secrets.context()).socket.getpeercert(binary_form=True) == der)
    assert old.ask("GET", "/n").json == 1


@pytest.mark.long
def test_certificates_are_renewed_under_load(serve, secrets, stage):
    """No request and no connection is lost while the pair changes again and again; no endpoint is built anew for it."""
    gateway = serve()
    handlers = [route.handler for route in gateway.app.running.generation.routes]
    kept = tls(gateway, secrets.context())
    slow = tls(gateway, secrets.context()).send(b"POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\n")
    failures: list[BaseException] = []
    done = threading.Event()

    def load() -> None:
        try:
            while not done.is_set():
                wire = stage.wire(gateway.port)
                wire.socket = secrets.context().wrap_socket(wire.socket, server_hostname="localhost")
                for _ in range(3):
                    assert wire.ask("GET", "/n").json == 1
                wire.close()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=load) for _ in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(4):
        pair = secrets.authority.issue_cert("localhost")
        pair.private_key_pem.write_to_path(stage.folder / "api.key")
        pair.cert_chain_pems[0].write_to_path(stage.folder / "api.pem")
        assert gateway.reload().verdict == "swapped"
        assert kept.ask("GET", "/n").json == 1
    assert slow.send(b'content-type: application/json\r\n\r\n"hi"').reply().json == {"got": "hi"}
    assert all(new.handler is old for new, old in zip(gateway.app.running.generation.routes, handlers, strict=True))
    done.set()
    for thread in threads:
        thread.join()
    assert failures == []


def test_tls_on_and_off_asks_for_a_restart(serve, secrets, stage):
    """The listener goes on with what it has."""
    gateway = serve()
    gateway.reload(ENDPOINTS.replace("${LARGE}", ""))
    assert gateway.said("Some settings take effect when the server is restarted.")[-1]["settings"] == ("server.tls",)
    assert tls(gateway, secrets.context()).ask("GET", "/n").json == 1


def test_a_client_that_still_sends_reads_why_it_was_refused(serve, secrets):
    """A refusal in the middle of a body arrives although TLS cannot be closed by halves."""
    wire = tls(serve(server=", max_body: 1KiB"), secrets.context())
    wire.send(b"POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 900000\r\n\r\n" + b"x" * 300_000)
    assert wire.reply().status in (413, 415)


def test_half_a_record_at_a_time_is_understood(serve, secrets):
    """Requests cut anywhere, and several in one record, are answered in order."""
    wire = tls(serve(), secrets.context())
    text = b"GET /n HTTP/1.1\r\nhost: a\r\n\r\n"
    for byte in text:
        wire.send(bytes([byte]))
    assert wire.reply().json == 1
    wire.send(text * 40)
    assert [wire.reply().json for _ in range(40)] == [1] * 40


def test_a_unix_socket_beside_it_speaks_plainly(stage, secrets, serve):
    """`server.tls` is for TCP."""
    gateway = serve(server=f', listen: ["127.0.0.1:0", "unix:{stage.folder}/s"]')
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(f"{stage.folder}/s")
        client.sendall(b"GET /n HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
        assert client.recv(4096).startswith(b"HTTP/1.1 200 ")
    assert tls(gateway, secrets.context()).ask("GET", "/n").json == 1


def test_connections_of_an_address_count_before_they_speak_tls(serve, secrets, stage):
    """Who only connects, and never shakes hands, takes no more of them than others; a handshake is counted once."""
    gateway = serve(server=", limits: {connections_per_address: 3}")
    silent = [gateway.wire() for _ in range(3)]
    stage.until(lambda: sum(len(one.beginnings.under_way) for one in gateway.service.server.handshakes.values()) == 3)
    assert gateway.wire().ended
    assert [line["connections"] for line in gateway.said("A connection was closed: its address has too many.")] == [3]
    for wire in silent:
        wire.close()
    stage.until(lambda: not gateway.app.running.peers.counts)
    assert [tls(gateway, secrets.context()).ask("GET", "/n").json for _ in range(3)] == [1, 1, 1]
    assert gateway.wire().ended
