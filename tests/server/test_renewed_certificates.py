"""Files of TLS that are renewed while a server runs: they are used without a restart, and never half of them."""

from __future__ import annotations

import ssl

import pytest
import trustme

from aggregator.server.generations.reload import Verdict

TEXT = """
upstreams:
  up: {{url: "${{UP}}", tls: {{ca: tls/ca.pem{more}}}}}
  plain: {{url: "http://127.0.0.1:9"}}
endpoints:
  GET /a: {{call: up:/a}}
  GET /b: {{call: plain:/b}}
"""


@pytest.fixture
def authority(tmp_path):
    """Who has signed the certificate of the upstream, and a folder for the files."""
    (tmp_path / "tls").mkdir()
    return trustme.CA()


@pytest.fixture
def upstream(stage, authority):
    """An upstream that speaks TLS, and shows nobody's certificate but its own."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    upstream = stage.upstream(context)
    upstream["/a"] = stage.reply({"a": 1})
    return upstream


def test_renewed_authorities_are_trusted(stage, tmp_path, authority, upstream):
    """A reload takes what the files hold now; what does not use them stays as it was."""
    file = tmp_path / "tls" / "ca.pem"
    trustme.CA().cert_pem.write_to_path(file)
    gateway = stage.gateway(TEXT.format(more=""), upstream)
    assert (gateway.get("/a").status, gateway.get("/a").json["cause"]) == (502, "tls")
    before = {route.path: route.handler for route in gateway.app.running.generation.routes}
    assert gateway.reload().verdict is Verdict.UNCHANGED
    authority.cert_pem.write_to_path(file)
    assert gateway.reload().verdict is Verdict.SWAPPED
    assert gateway.get("/a").json == {"a": 1}
    after = {route.path: route.handler for route in gateway.app.running.generation.routes}
    assert (after["/a"] is before["/a"], after["/b"] is before["/b"]) == (False, True)


@pytest.mark.long
def test_renewed_files_are_noticed(stage, tmp_path, authority, upstream):
    """With a watcher nobody has to ask."""
    file = tmp_path / "tls" / "ca.pem"
    trustme.CA().cert_pem.write_to_path(file)
    gateway = stage.gateway(TEXT.format(more=""), upstream, watch=True)
    assert gateway.get("/a").status == 502
    fresh = file.with_suffix(".fresh")
    authority.cert_pem.write_to_path(fresh)
    fresh.replace(file)
    stage.until(lambda: gateway.get("/a").status == 200)


def test_half_renewed_files_change_nothing(stage, tmp_path, authority, upstream):
    """While the key is not that of the certificate, the old ones stay in use; the refusal says which it is."""
    authority.cert_pem.write_to_path(tmp_path / "tls" / "ca.pem")
    pairs = [trustme.CA().issue_cert("us") for _ in range(2)]

    def write(cert, key):
        cert.cert_chain_pems[0].write_to_path(tmp_path / "tls" / "us.crt")
        key.private_key_pem.write_to_path(tmp_path / "tls" / "us.key")

    write(pairs[0], pairs[0])
    gateway = stage.gateway(TEXT.format(more=", cert: tls/us.crt, key: tls/us.key"), upstream)
    assert gateway.get("/a").status == 200
    write(pairs[1], pairs[0])
    outcome = gateway.reload()
    assert outcome.verdict is Verdict.REFUSED
    assert "the file `tls/us.key` holds the key of another certificate" in outcome.report
    assert (gateway.get("/a").status, upstream.accepted) == (200, 1)
    write(pairs[1], pairs[1])
    assert gateway.reload().verdict is Verdict.SWAPPED
    assert (gateway.get("/a").status, upstream.accepted) == (200, 2)
