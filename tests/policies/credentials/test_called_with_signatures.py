"""Upstreams whose requests are signed, through the whole application: each as it leaves, in every kind of call."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json

import httpx
import pytest

KEY = b"k\xc3\xa4y"
SHARED = """
upstreams:
  a: {{url: http://a.test, headers: {{x-when: "7"}}, auth: {{hmac: {{header: X-Signature, secret: käy, {more}}}}}}}
endpoints:
  GET /call/{{id}}: {{call: "a:/x/{{id}}?q={{query.q}}"}}
  POST /call: {{call: {{url: "POST a:/x", forward: {{body: true}}}}}}
  GET /parts: {{fan_out: {{one: a:/1, many: {{url: "a:/m/{{item}}", for_each: "{{{{ [1, 2] }}}}"}}}}}}
  GET /stream: {{stream: true, call: a:/x}}
  GET /redirect: {{call: {{url: a:/moved, redirects: 1}}}}
  GET /background: {{respond: {{body: 1}}, background: ["POST a:/b"]}}
"""
PIECES = ("method", "path", "query", "headers['x-when']", "body")
WHOLE = "over: " + json.dumps("\n".join(f"{{{{ sent.{piece} }}}}" for piece in PIECES))


def answer(request: httpx.Request) -> httpx.Response:
    """Answer for a, which knows a redirect."""
    return httpx.Response(302, headers={"location": "/x?n=1"}) if request.url.path == "/moved" else httpx.Response(200)


def signature_of(request: httpx.Request) -> str:
    """Return what the signature over the whole of *request* has to be."""
    path, _, query = request.url.raw_path.partition(b"?")
    pieces = (request.method.encode(), path, query, request.headers["x-when"].encode(), request.content)
    return hmac.digest(KEY, b"\n".join(pieces), "sha256").hex()


def test_each_request_is_signed_as_it_leaves(serve) -> None:
    """Method, path, query, headers and body are those that are sent, where a redirect leads, too."""
    served = serve(SHARED.format(more=WHOLE), answer)
    for path in ("/call/a%20b?q=%C3%A4", "/parts", "/stream", "/redirect", "/background"):
        assert served.client.get(path).status_code == 200
    served.client.post("/call", content=b"\xff\x00 not text", headers={"content-type": "application/octet-stream"})
    served.close()
    assert len(served.requests) == 9
    assert served.sent("x-signature") == [signature_of(request) for request in served.requests]


@pytest.mark.parametrize(
    ("more", "wanted"),
    [
        ("over: '{{ sent.body }}'", hmac.digest(KEY, b"{}", "sha256").hex()),
        ("encoding: base64, algorithm: sha512", base64.b64encode(hmac.digest(KEY, b"{}", "sha512")).decode()),
        ("prefix: 'sha1=', algorithm: sha1", "sha1=" + hmac.digest(KEY, b"{}", "sha1").hex()),
    ],
)
def test_forms_of_a_signature(serve, more: str, wanted: str) -> None:
    """Hex or Base64, behind a prefix, by the hash that the upstream wants."""
    served = serve(SHARED.format(more=more), answer)
    served.client.post("/call", content=b"{}")
    assert served.sent("x-signature") == [wanted]


def test_what_cannot_be_signed_is_not_sent(serve) -> None:
    """A text that cannot be made of this request fails the call with the cause `credentials`."""
    served = serve(SHARED.format(more="over: '{{ sent.body + 1 }}'"), answer)
    for got in (served.client.get("/call/1?q=1"), served.client.get("/stream")):
        assert (got.status_code, got.json()["cause"], got.json()["upstream"]) == (502, "credentials", "a")
    assert served.requests == []


def test_aws_gets_a_signature_of_its_own_for_each_request(serve) -> None:
    """Of the body that is sent; a streamed body goes to S3 without one."""
    served = serve(
        """
        upstreams:
          s3:
            url: http://bucket.test
            auth: {sigv4: {region: eu-central-1, service: s3, access_key: AKIA, secret_key: "${K}", session_token: "${T}"}}
        endpoints:
          GET /file/{name:path}: {call: "s3:/{name}"}
          PUT /file/{name:path}: {stream: true, forward: {body: true}, call: "PUT s3:/{name}"}
          POST /json: {call: {url: "POST s3:/x", json: {a: 1}}}
        """,
        env={"K": "secret-key", "T": "session-token"},
    )
    served.client.get("/file/a/b")
    served.client.put("/file/c", content=b"streamed")
    served.client.post("/json")
    assert served.sent("x-amz-content-sha256") == [
        hashlib.sha256(b"").hexdigest(), "UNSIGNED-PAYLOAD", hashlib.sha256(b'{"a":1}').hexdigest(),
    ]  # fmt: skip
    assert served.sent("x-amz-security-token") == ["session-token"] * 3
    assert len({text.rpartition("=")[2] for text in served.sent("authorization") if text}) == 3
    for request in served.requests:
        assert request.headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKIA/")
        assert len(request.headers.get_list("authorization")) == 1
