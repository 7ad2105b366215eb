"""curl and openssl s_client against TLS of the listener."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import trustme

ROUTES = """
version: 1
server:
  listen: ["127.0.0.1:0"]
  tls: {cert: api.pem, client_ca: ca.pem, client: optional}
endpoints:
  GET /n: {respond: {body: "{{ request.tls.client.san }}"}}
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory):
    """The folder and the port of a server with TLS."""
    folder = tmp_path_factory.mktemp("tls")
    authority = trustme.CA()
    authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(folder / "api.pem")
    authority.issue_cert("alice@example.com").private_key_and_cert_chain_pem.write_to_path(folder / "client.pem")
    authority.cert_pem.write_to_path(folder / "ca.pem")
    (folder / "routes.yaml").write_text(ROUTES)
    command = [sys.executable, "-m", "aggregator", "run"]
    process = subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    port = next(line.split(":")[2].split()[0] for line in process.stderr if "https://127.0.0.1:" in line)
    yield folder, port
    process.terminate()
    process.communicate()


def run(folder: Path, *command: str, given: str = "") -> str:
    """Return what *command* prints, errors included."""
    if shutil.which(command[0]) is None:
        pytest.skip(f"there is no {command[0]}")
    done = subprocess.run(command, cwd=folder, input=given, capture_output=True, text=True, timeout=60)
    return done.stdout + done.stderr


def test_curl_asks_by_tls_with_a_certificate_of_its_own(served) -> None:
    """Over one connection, twice, with the client's certificate seen by the expression."""
    folder, port = served
    url = f"https://localhost:{port}/n"
    said = run(folder, "curl", "-sv", "--cacert", "ca.pem", "--cert", "client.pem", url, url)
    assert said.count('["email:alice@example.com"]') == 2
    assert "Re-using existing connection" in said
    assert "ALPN: server accepted http/1.1" in said


def test_curl_without_tls_reads_why(served) -> None:
    """The problem document arrives whole."""
    folder, port = served
    said = run(folder, "curl", "-si", f"http://localhost:{port}/n")
    assert said.startswith("HTTP/1.1 400 Bad Request")
    assert "ask for the same by https" in said


def test_openssl_finds_what_modern_means(served) -> None:
    """TLS 1.3 and 1.2 with AEAD are spoken; TLS 1.1 and CBC are not."""
    folder, port = served
    base = ("openssl", "s_client", "-connect", f"localhost:{port}", "-CAfile", "ca.pem", "-servername", "localhost")
    assert "Verify return code: 0 (ok)" in run(folder, *base, "-tls1_3")
    assert "Cipher    : ECDHE" in run(folder, *base, "-tls1_2")
    assert "alert" in run(folder, *base, "-tls1_1", "-cipher", "ALL:@SECLEVEL=0")
    assert "handshake failure" in run(
        folder, *base, "-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA:ECDHE-RSA-AES128-SHA"
    )
