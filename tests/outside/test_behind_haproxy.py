"""Behind a real HAProxy that passes TCP on: the client that its PROXY header names, with TLS and without."""

from __future__ import annotations

import csv
import http.client
import json
import shutil
import socket
import ssl
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme
from ports import free_port

from .test_behind_nginx import running

pytestmark = pytest.mark.skipif(shutil.which("haproxy") is None, reason="needs haproxy")

CLIENT, PROXY = "127.0.0.9", "127.0.0.2"
HAPROXY = """
global
    stats socket {folder}/admin.sock
defaults
    mode tcp
    timeout connect 5s
    timeout client 30s
    timeout server 30s
    timeout check 20s
listen edge
    bind 127.0.0.1:{port}
    source {proxy}
    server gateway 127.0.0.1:{target} {send} check inter 200ms {check}
"""
ROUTES = """
version: 1
server: {{host: 127.0.0.1, port: {port}, proxy_protocol: true, trusted_proxies: ["{proxy}"]{tls}}}
endpoints:
  GET /who: {{respond: {{body: "{{{{ request.client }}}} {{{{ request.scheme }}}}"}}}}
"""


@pytest.fixture(scope="module", params=["http", "https"])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[int, ssl.SSLContext | None]]:
    """The port of a server that wants the header, and how a client speaks its TLS."""
    folder = tmp_path_factory.mktemp("behind")
    authority, context = trustme.CA(), None
    if request.param == "https":
        context = ssl.create_default_context()
        authority.configure_trust(context)
        authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(folder / "api.pem")
    port = free_port()
    tls = ", tls: {cert: api.pem}" if context else ""
    (folder / "routes.yaml").write_text(ROUTES.format(port=port, proxy=PROXY, tls=tls))
    with running([sys.executable, "-m", "aggregator", "run", str(folder / "routes.yaml")], port):
        yield port, context


@pytest.fixture(params=["send-proxy", "send-proxy-v2", "send-proxy-v2-ssl"])
def edge(request: pytest.FixtureRequest, tmp_path: Path, server: tuple[int, ssl.SSLContext | None]) -> Iterator[int]:
    """The port of HAProxy, which sends each version of the header, and the second with fields of TLS."""
    target, context = server
    port = free_port()
    check = "check-send-proxy" if context is None else "check-send-proxy check-ssl verify none"
    text = HAPROXY.format(folder=tmp_path, port=port, target=target, proxy=PROXY, send=request.param, check=check)
    (tmp_path / "haproxy.cfg").write_text(text)
    with running(["haproxy", "-db", "-f", str(tmp_path / "haproxy.cfg")], port):
        yield port


def ask(port: int, context: ssl.SSLContext | None) -> str:
    """Return the answer to a client at its own address."""
    connection = http.client.HTTPConnection("localhost", port, timeout=10, source_address=(CLIENT, 0))
    if context is not None:
        connection = http.client.HTTPSConnection(
            "localhost", port, timeout=10, source_address=(CLIENT, 0), context=context
        )
    try:
        connection.request("GET", "/who")
        answer: str = json.loads(connection.getresponse().read())
        return answer
    finally:
        connection.close()


def test_the_client_is_the_one_that_haproxy_names(
    edge: int, server: tuple[int, ssl.SSLContext | None], tmp_path: Path
) -> None:
    """Its checks pass, requests have the client's address, and who comes past it gets nothing."""
    target, context = server
    assert ask(edge, context) == f"{CLIENT} {'https' if context else 'http'}"
    deadline = time.monotonic() + 30
    while (status := checked(tmp_path)) not in ("L4OK", "L6OK"):
        assert time.monotonic() < deadline, status
        time.sleep(0.05)
    with pytest.raises((ConnectionError, ssl.SSLError)):
        ask(target, context)


def checked(folder: Path) -> str:
    """Return what HAProxy says of its last check of the server: L4OK by TCP, L6OK by TLS."""
    with socket.socket(socket.AF_UNIX) as admin:
        admin.connect(str(folder / "admin.sock"))
        admin.sendall(b"show stat edge 4 -1\n")
        rows = list(csv.DictReader(admin.makefile()))
    return rows[0]["check_status"] if rows else ""
