"""Signed webhooks through the whole application: who is admitted, what is read for it, and what is not taken twice."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from fastapi.testclient import TestClient

from aggregator import create_app, load_config
from aggregator.errors import ConfigError
from aggregator.plan.compiling.compiler import compile_plan
from aggregator.plan.explaining.explain import explain
from aggregator.plan.explaining.text import explanation_text
from aggregator.server.once.checking import check_file

SECRET = "it's a secret of thirty-two bytes"
FILE = """\
version: 1
auth:
  github: {signature: {preset: github, secret: "${HOOK_SECRET}"}}
  shopify: {signature: {preset: shopify, secret: ["${NEXT_SECRET}", "${HOOK_SECRET}"]}}
  slack: {signature: {preset: slack, secret: "${HOOK_SECRET}"}}
  stripe: {signature: {preset: stripe, secret: "${HOOK_SECRET}"}}
  standard: {signature: {preset: standard, secret: "${HOOK_SECRET}", tolerance: 2m}}
  own: {signature: {header: X-Sig, timestamp: X-T, id: X-Id, over: "{id}.{timestamp}.{body}", secret: "${HOOK_SECRET}"}, failures: {rate: 1/h, burst: 2}}
  partners: {api_key: {header: x-api-key, keys: {file: keys.yaml}}}
upstreams: {jobs: {url: "http://jobs.test"}}
endpoints:
  POST /github: {auth: github, call: {method: POST, url: "jobs:/run", json: {seen: "{{ body.a }}", by: "{{ auth.scheme }}"}}}
  POST /shopify: {auth: shopify, call: {method: POST, url: "jobs:/run"}}
  POST /slack: {auth: slack, call: {method: POST, url: "jobs:/run", forward: {body: true}}}
  POST /stripe: {auth: stripe, call: {method: POST, url: "jobs:/run"}}
  POST /standard: {auth: standard, call: {method: POST, url: "jobs:/run"}}
  POST /standard/{tenant}: {auth: standard, call: {method: POST, url: "jobs:/run"}}
  POST /own: {auth: own, call: {method: POST, url: "jobs:/run"}}
  POST /small: {auth: github, max_body: 4, call: {method: POST, url: "jobs:/run"}}
  POST /either: {auth: {any: [github, partners]}, call: {method: POST, url: "jobs:/run"}}
  POST /both: {auth: {all: [github, partners]}, call: {method: POST, url: "jobs:/run"}}
  GET /own: {auth: own, respond: {body: "{{ auth.subject }}"}}
"""
ENV = {"HOOK_SECRET": SECRET, "NEXT_SECRET": "another secret of thirty-two byte"}
BODY = b'{"a": 1}'
NOW = 1_700_000_000


def mac(signed: bytes, encoding: str = "hex") -> str:
    """Return the HMAC-SHA256 of *signed*."""
    raw = hmac.digest(SECRET.encode(), signed, hashlib.sha256)
    return raw.hex() if encoding == "hex" else base64.b64encode(raw).decode()


def sent(sender: str, body: bytes = BODY, now: int = NOW, delivery: str = "msg_1") -> dict[str, str]:
    """Return the headers of *sender* for *body*."""
    moment = str(now).encode()
    return {
        "github": {"x-hub-signature-256": f"sha256={mac(body)}"},
        "shopify": {"x-shopify-hmac-sha256": mac(body, "base64")},
        "slack": {
            "x-slack-request-timestamp": str(now), "x-slack-signature": f"v0={mac(b'v0:' + moment + b':' + body)}",
        },
        "stripe": {"stripe-signature": f"t={now},v1={mac(moment + b'.' + body)}"},
        "standard": {
            "webhook-id": delivery, "webhook-timestamp": str(now),
            "webhook-signature": "v1," + mac(delivery.encode() + b"." + moment + b"." + body, "base64"),
        },
        "own": {"x-id": delivery, "x-t": str(now), "x-sig": mac(delivery.encode() + b"." + moment + b"." + body)},
    }[sender] | {"content-type": "application/json"}  # fmt: skip


class Jobs:
    """The upstream: what it was sent, and how it answers."""

    def __init__(self) -> None:
        self.seen: list[bytes] = []
        self.status = 200

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """Take note of a request."""
        self.seen.append(request.content)
        return httpx.Response(self.status, json={"ok": True})


@pytest.fixture
def jobs() -> Jobs:
    """The upstream."""
    return Jobs()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The file, with the keys that it names."""
    (tmp_path / "keys.yaml").write_text(f"- {{name: acme, sha256: {hashlib.sha256(b'acme').hexdigest()}}}\n")
    (tmp_path / "routes.yaml").write_text(FILE)
    return tmp_path / "routes.yaml"


@pytest.fixture
def client(file: Path, jobs: Jobs) -> Iterator[TestClient]:
    """A client of the application, whose clock stands."""
    with TestClient(create_app(file, env=ENV, transport=httpx.MockTransport(jobs), clock=lambda: NOW)) as client:
        yield client


@pytest.mark.parametrize("sender", ["github", "shopify", "slack", "stripe", "standard", "own"])
def test_a_delivery_is_taken_once(client: TestClient, jobs: Jobs, sender: str) -> None:
    """A signed delivery is answered by its call; when it comes again, by 200 and no call."""
    first, again = (client.post(f"/{sender}", content=BODY, headers=sent(sender)) for _ in range(2))
    assert (first.status_code, first.json()) == (200, {"ok": True})
    assert (again.status_code, again.content, again.headers["cache-control"]) == (200, b"", "no-store")
    assert len(jobs.seen) == 1


@pytest.mark.parametrize("sender", ["github", "shopify", "slack", "stripe", "standard", "own"])
def test_what_is_refused(client: TestClient, jobs: Jobs, sender: str) -> None:
    """Another body, no signature and two of them are 401 in the same words; nothing is called."""
    good = sent(sender)
    bare = {name: value for name, value in good.items() if "sig" not in name and "hmac" not in name}
    signature = next((name, value) for name, value in good.items() if "sig" in name or "hmac" in name)
    twice = [*good.items(), signature]
    answers = [
        client.post(f"/{sender}", content=BODY + b" ", headers=good),
        client.post(f"/{sender}", content=BODY, headers=bare),
    ]
    if sender != "own":  # which limits failures
        answers.append(client.post(f"/{sender}", content=BODY, headers=twice))
    assert {(one.status_code, one.json()["detail"]) for one in answers} == {(401, "This needs a valid credential.")}
    assert jobs.seen == []


@pytest.mark.parametrize("sender", ["slack", "stripe", "standard", "own"])
@pytest.mark.parametrize("apart", [-301, 301])
def test_a_recorded_delivery_is_too_old(client: TestClient, sender: str, apart: int) -> None:
    """A signed time beyond the tolerance is refused, in either direction."""
    assert client.post(f"/{sender}", content=BODY, headers=sent(sender, now=NOW + apart)).status_code == 401


def test_tolerance_is_that_of_the_file(client: TestClient) -> None:
    """Two minutes are allowed where the file says so."""
    statuses = [
        client.post("/standard", content=BODY, headers=sent("standard", now=NOW - apart)).status_code
        for apart in (119, 121)
    ]
    assert statuses == [200, 401]


def test_what_failed_is_taken_again(client: TestClient, jobs: Jobs) -> None:
    """A sender that was told of a failure delivers again, and is served."""
    jobs.status = 500
    assert client.post("/github", content=BODY, headers=sent("github")).status_code == 502
    jobs.status = 200
    assert client.post("/github", content=BODY, headers=sent("github")).json() == {"ok": True}
    assert len(jobs.seen) == 2


def test_a_delivery_belongs_to_its_path(client: TestClient, jobs: Jobs) -> None:
    """One message to two tenants is two deliveries; the query, which nobody signs, makes no other."""
    headers = sent("standard")
    for path in ("/standard/a", "/standard/b", "/standard/a?x=1"):
        assert client.post(path, content=BODY, headers=headers).status_code == 200
    assert len(jobs.seen) == 2


def test_the_body_is_there_afterwards(client: TestClient, jobs: Jobs) -> None:
    """What was read for the signature is the body that expressions see and that is passed on."""
    client.post("/github", content=BODY, headers=sent("github"))
    client.post("/slack", content=BODY, headers=sent("slack"))
    assert jobs.seen == [b'{"seen":1,"by":"github"}', BODY]


def test_the_body_is_read_within_its_bound(client: TestClient) -> None:
    """A larger body is 413 before anything is made of it; without a signature it is not read at all."""
    assert client.post("/small", content=BODY, headers=sent("github")).status_code == 413
    assert client.post("/small", content=BODY).status_code == 401


def test_another_scheme_beside_it(client: TestClient) -> None:
    """With `any` a key admits without a signature; with `all` both are needed, for a repeat, too."""
    signed, key = sent("github"), {"x-api-key": "acme"}
    either = [client.post("/either", content=BODY, headers=headers).status_code for headers in (signed, key, {})]
    assert either == [200, 200, 401]
    both = [
        client.post("/both", content=BODY, headers=headers).status_code for headers in (signed, signed | key, signed)
    ]
    assert both == [401, 200, 401]


def test_failures_are_limited_where_the_file_says_so(client: TestClient) -> None:
    """Two wrong signatures are the burst; then 429 comes before the body is read."""
    statuses = [
        client.post("/own", content=b"{}", headers=sent("own", delivery=str(number))).status_code for number in range(3)
    ]
    assert statuses == [401, 401, 429]


def test_a_body_of_get(client: TestClient) -> None:
    """An endpoint without a body has an empty one to sign; a sender has no subject."""
    answer = client.get("/own", headers=sent("own", b""))
    assert (answer.status_code, answer.json()) == (200, None)


def test_what_openapi_and_explain_say(client: TestClient, file: Path) -> None:
    """The document names the header and what is signed; neither shows a secret."""
    document = client.get("/openapi.json")
    scheme = document.json()["components"]["securitySchemes"]["own"]
    assert (scheme["type"], scheme["in"], scheme["name"]) == ("apiKey", "header", "x-sig")
    assert "{id}.{timestamp}.{body}" in scheme["description"]
    config = load_config(file, ENV)
    explained = "".join(explanation_text(explain(one, frozenset())) for one in compile_plan(config).endpoints)
    assert (
        "  by github, or 401\n  409 while the same signed delivery is being answered\n  a signed delivery that was answered with 2xx before gets 200, and"
        in explained
    )
    assert "409" in document.json()["paths"]["/github"]["post"]["responses"]
    assert SECRET not in document.text + explained + repr(config)


def test_a_repeat_is_told(client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    """The log says that a delivery came again, and not what was signed."""
    with caplog.at_level("INFO", "aggregator.auth"):
        for _ in range(2):
            client.post("/github", content=BODY, headers=sent("github"))
    (record,) = (record for record in caplog.records if record.name == "aggregator.auth")
    assert record.message == "A delivery came again; it was answered without a call."
    assert record.__dict__["fields"]["scheme"] == "github"
    assert mac(BODY) not in str(record.__dict__)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ("preset: github, header: x-sig, secret: '${HOOK_SECRET}'", "a preset says all of the form"),
        ("secret: '${HOOK_SECRET}'", "nothing says where the signature is"),
        ("header: x-sig, over: '{timestamp}', timestamp: x-t, secret: '${HOOK_SECRET}'", "the body has to be signed"),
        ("header: x-sig, timestamp: x-t, secret: '${HOOK_SECRET}'", "the `timestamp` is not signed"),
        ("header: x-sig, id: x-id, secret: '${HOOK_SECRET}'", "the `id` is not signed"),
        ("header: x-sig, over: '{id}{body}', secret: '${HOOK_SECRET}'", "comes from nowhere"),
        ("header: x-sig, over: '{path}{body}', secret: '${HOOK_SECRET}'", "nothing that can be signed"),
        ("preset: standard, secret: whsec_%%%%%%%%", "no base64"),
        ("preset: github, secret: ''", "at least 8"),
        ("preset: github, secret: []", "at least 1"),
        ("preset: github, secret: '${SHORT}'", "this secret has 9 bytes"),
        ("preset: github, secret: a-secret-that-stands-in-the-file", "looks like a secret"),
    ],
)
def test_what_check_says(tmp_path: Path, settings: str, said: str) -> None:
    """A form that does not hold together, and a secret that is short or in the file, are found at load."""
    file = tmp_path / "routes.yaml"
    file.write_text(
        f"version: 1\nauth: {{hooks: {{signature: {{{settings}}}}}}}\n"
        "endpoints: {POST /hook: {auth: hooks, respond: {body: ok}}}\n"
    )
    found = check_file(str(file), env=ENV | {"SHORT": "too-short"}).diagnostics
    assert any(said in problem.message.lower() for problem in found), found


def test_a_stream_has_no_signature(file: Path) -> None:
    """The body of a stream goes on before it has ended, so nothing can be said of its signature."""
    file.write_text(FILE.replace("POST /github: {auth: github,", "POST /github: {stream: true, auth: github,"))
    with pytest.raises(ConfigError) as problems:
        load_config(file, ENV)
    assert any("cannot judge its signature" in problem.message for problem in problems.value.diagnostics)
