"""Every scheme against every way of failing, and against any bytes; and a canary in every output."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import bcrypt
import httpx
import pytest
from click.testing import CliRunner
from fastapi.testclient import TestClient
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import ECKey

from aggregator import create_app, load_config
from aggregator.cli.group import cli
from aggregator.exchange import Exchange
from aggregator.identity.caller import Caller, Refused
from aggregator.plan.compiling.compiler import compile_plan
from aggregator.policies.registry import Registry
from aggregator.runtime.admission.building import Means, build_schemes
from aggregator.runtime.admission.schemes import Clocks, Unavailable

NOW = 1_800_000_000
SECRET = "canary-secret-of-more-than-thirty-two-bytes"
FILE = """\
version: 1
server: {trusted_proxies: [10.0.0.0/8]}
auth:
  header: {api_key: {header: x-api-key, keys: {file: keys.yaml}}, failures: none}
  query: {api_key: {query: key, keys: {file: keys.yaml}}, failures: none}
  cookie: {api_key: {cookie: key, keys: {file: keys.yaml}}, failures: none}
  basic: {basic: {users: {file: htpasswd}}, failures: none}
  jwt: {jwt: {issuer: "https://id.test", audience: shop, key: {file: issuer.pem}}}
  page: {jwt: {issuer: "https://id.test", audience: shop, key: {file: issuer.pem}, from: {cookie: session}}}
  signature: {signature: {preset: slack, secret: "${SECRET}"}}
  introspection: {introspection: {url: "https://id.test/ask", client_id: shop, client_secret: "${SECRET}", audience: shop}}
  external: {external: {url: "sso:/check", headers: [x-session]}}
  mtls: {mtls: {subjects: "CN=good", from: {header: x-client, form: subject}}}
upstreams: {sso: {url: "http://sso.test"}, up: {url: "http://up.test"}}
endpoints:
""" + "".join(
    f"  POST /{name}: {{auth: {name}, call: {{method: POST, url: up:/x}}}}\n"
    for name in (
        "header", "query", "cookie", "basic", "jwt", "page", "signature", "introspection", "external", "mtls",
    )
)  # fmt: skip
KEYS = {"good": {}, "old": {"not_after": "2020-01-01"}, "young": {"not_before": "2100-01-01"}}
BODY = b"{}"


def basic(text: str) -> dict[str, str]:
    """Return the header of Basic for *text*."""
    return {"authorization": "Basic " + base64.b64encode(text.encode()).decode()}


def slack(body: bytes = BODY, now: int = NOW, secret: str = SECRET) -> dict[str, str]:
    """Return the headers of a delivery."""
    tag = hmac.digest(secret.encode(), f"v0:{now}:".encode() + body, hashlib.sha256).hex()
    return {"x-slack-signature": f"v0={tag}", "x-slack-request-timestamp": str(now)}


@pytest.fixture(scope="module")
def issuer() -> ECKey:
    """The key of the issuer."""
    return ECKey.generate_key("P-256")


@pytest.fixture(scope="module")
def token(issuer: ECKey) -> Callable[..., str]:
    """Makes tokens: ``token(key, algorithm, **claims)``; a claim of None is left out."""

    def make(key: ECKey | None = None, **changes: Any) -> str:
        claims = {"iss": "https://id.test", "aud": "shop", "sub": "ada", "exp": NOW + 300} | changes
        told = {name: value for name, value in claims.items() if value is not None}
        return jws.serialize_compact({"alg": "ES256"}, json.dumps(told), key or issuer)

    return make


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory, issuer: ECKey) -> Path:
    """The file, with what it names."""
    folder = tmp_path_factory.mktemp("every")
    lines = [
        "- {" + ", ".join([f"name: {name}", f"sha256: {hashlib.sha256(name.encode()).hexdigest()}",
                           *(f'{key}: "{value}"' for key, value in extra.items())]) + "}\n"
        for name, extra in KEYS.items()
    ]  # fmt: skip
    (folder / "keys.yaml").write_text("".join(lines))
    (folder / "htpasswd").write_text(f"ada:{bcrypt.hashpw(b'right', bcrypt.gensalt(4)).decode()}\n")
    (folder / "issuer.pem").write_bytes(issuer.as_pem(private=False))
    (folder / "routes.yaml").write_text(FILE)
    return folder / "routes.yaml"


CALLED: list[str] = []


def others(request: httpx.Request) -> httpx.Response:
    """The upstreams: one that is called, one that decides, and an issuer that is asked."""
    if request.url.host == "up.test":
        CALLED.append(request.url.path)
        return httpx.Response(200, json={"ok": True})
    if request.url.host == "sso.test":
        return httpx.Response(200 if request.headers["x-session"] == "good" else 401)
    told = request.content.decode()
    good = {"active": "good" in told, "aud": "other" if "audience" in told else "shop"}
    times = {"exp": NOW if "old" in told else NOW + 300, "nbf": NOW + 9 if "young" in told else 0}
    return httpx.Response(200, json=good | times)


@pytest.fixture(scope="module")
def client(file: Path) -> Iterator[TestClient]:
    """A client behind a trusted proxy."""
    with served(file) as client:
        yield client


def served(file: Path) -> TestClient:
    """Return a client of an application of its own, which has told of nothing yet."""
    app = create_app(file, env={"SECRET": SECRET}, transport=httpx.MockTransport(others), clock=lambda: NOW)
    return TestClient(app, client=("10.0.0.1", 1))


def cases(token: Callable[..., str]) -> Iterator[tuple[str, str, Any, bool]]:
    """Yield scheme, query, headers and whether they are admitted."""
    other, origin = ECKey.generate_key("P-256"), {"origin": "http://testserver"}

    def bearer(text: str) -> dict[str, str]:
        return {"authorization": f"Bearer {text}"}

    for name in ("header", "query", "cookie"):
        places = {
            "header": lambda text: ("", {"x-api-key": text}),
            "query": lambda text: (f"?key={text}", {}),
            "cookie": lambda text: ("", {"cookie": f"key={text}"} | origin),
        }
        for text in ("good", "bad", "old", "young", "", "GOOD", "good ", "x" * 600):
            query, headers = places[name](text.replace(" ", "%20") if name == "query" else text)
            if not (text == "good " and name != "query"):  # blanks around a header or cookie are no part of it
                yield name, query, headers, text == "good"
        wrong = [places[place]("good") for place in places if place != name]
        yield from ((name, query, headers, False) for query, headers in (*wrong, ("", bearer("good"))))
    yield "header", "", [("x-api-key", "good"), ("x-api-key", "good")], False
    yield "query", "?key=good&key=good", {}, False
    yield "cookie", "", {"cookie": "key=good"}, False
    for text, good in (("ada:right", True), ("ada:wrong", False), ("bob:right", False), ("ada", False), (":", False)):
        yield "basic", "", basic(text), good
    yield "basic", "", {"authorization": "Basic %%"}, False
    yield "basic", "", [*basic("ada:right").items(), *basic("ada:right").items()], False
    yield "basic", "", {"proxy-authorization": basic("ada:right")["authorization"]}, False
    changes: list[tuple[dict[str, Any], bool]] = [
        ({}, True), ({"aud": ["a", "shop"]}, True), ({"aud": "other"}, False), ({"aud": None}, False),
        ({"iss": "https://evil.test"}, False), ({"iss": None}, False), ({"exp": NOW - 31}, False), ({"exp": None}, False),
        ({"exp": "9999999999"}, False), ({"nbf": NOW + 31}, False), ({"nbf": NOW + 29}, True),
    ]  # fmt: skip
    for change, good in changes:
        yield "jwt", "", bearer(token(**change)), good
        yield "page", "", {"cookie": f"session={token(**change)}"} | origin, good
    for name, sent in (("jwt", bearer), ("page", lambda text: {"cookie": f"session={text}"} | origin)):
        yield name, "", sent(token(other)), False
        yield name, "", sent(token()[:-2]), False
        yield name, "", sent("a.b.c"), False
    yield "jwt", "", [*bearer(token()).items(), *bearer(token()).items()], False
    yield "jwt", f"?access_token={token()}", {}, False
    yield "jwt", "", {"cookie": f"session={token()}"}, False
    yield "page", "", bearer(token()) | origin, False
    yield "page", "", {"cookie": f"session={token()}"}, False
    for name, pair in (("cookie", "key=good"), ("page", f"session={token()}")):  # twice, in one line or in two
        yield name, "", {"cookie": f"{pair}; {pair}"} | origin, False
        yield name, "", [("cookie", pair), ("cookie", "a=b"), ("cookie", pair), *origin.items()], False
        yield name, "", [("cookie", "a=b"), ("cookie", pair), *origin.items()], True
    for headers, good in (
        (slack(), True), (slack(b"{ }"), False), (slack(now=NOW - 301), False), (slack(now=NOW + 301), False),
        (slack(secret="another"), False), ({**slack(), "x-slack-signature": "v0="}, False),
        ({"x-slack-signature": slack()["x-slack-signature"]}, False), ([*slack().items(), *slack().items()], False),
    ):  # fmt: skip
        yield "signature", "", headers, good
    for text in ("good", "bad", "good-old", "good-young", "good-audience", "a b"):
        yield "introspection", "", bearer(text), text == "good"
    yield "introspection", "", [*bearer("good").items(), *bearer("good").items()], False
    yield "introspection", "", basic("good:"), False
    yield "external", "", {"x-session": "good"}, True
    yield "external", "", {"x-session": "bad"}, False
    yield "external", "", {"cookie": "x-session=good"}, False
    for text in ("CN=good", "CN=bad", "CN=good,O=x", "cn=good", ""):
        yield "mtls", "", {"x-client": text}, text == "CN=good"
    yield "mtls", "", [("x-client", "CN=good"), ("x-client", "CN=good")], False
    for name in ("header", "query", "cookie", "basic", "jwt", "page", "signature", "introspection", "external", "mtls"):
        yield name, "", {}, False


@pytest.mark.long
def test_every_scheme_and_every_failure(client: TestClient, token: Callable[..., str]) -> None:
    """What is right is admitted; anything else is one 401 in the same words, and nothing is called."""
    wrong = []
    for name, query, headers, good in cases(token):
        CALLED.clear()
        answer = client.post(f"/{name}{query}", content=BODY, headers=headers)
        said = answer.json() if answer.content else {}
        expected = (200, None, 1) if good else (401, "This needs a valid credential.", 0)
        if (answer.status_code, said.get("detail"), len(CALLED)) != expected:
            wrong.append((name, query, headers, answer.status_code, said))
    assert wrong == []


@pytest.mark.long
@settings(max_examples=150, deadline=None)
@given(
    value=st.binary(max_size=200),
    name=st.sampled_from(
        [b"authorization", b"x-api-key", b"cookie", b"x-slack-signature", b"x-slack-request-timestamp", b"x-client"]
    ),
    prefix=st.sampled_from([b"", b"Bearer ", b"Basic ", b"key=", b"session=", b"v0=", b"CN=good"]),
    query=st.binary(max_size=40).map(lambda raw: b"key=" + base64.b16encode(raw)),
)
def test_any_bytes_are_refused(file: Path, value: bytes, name: bytes, prefix: bytes, query: bytes) -> None:
    """Whatever stands in a header, a scheme refuses it, or cannot tell; it never fails in another way."""
    schemes = built(file)

    async def run() -> None:
        for scheme in schemes.values():
            exchange = Exchange("GET", "/", query, [(name, prefix + value)])
            exchange.deadline = asyncio.get_running_loop().time() + 1
            try:
                judged = scheme.judge(exchange)
                if not isinstance(judged, Caller):
                    judged = await judged()
            except (Refused, Unavailable):
                continue
            assert (scheme.name, prefix + value) == ("mtls", b"CN=good")

    asyncio.run(run())


BUILT: dict[Path, Any] = {}


def built(file: Path) -> Any:
    """Return the schemes of *file* that need no upstream, without an application around them."""
    if file not in BUILT:
        plans = [
            p
            for p in compile_plan(load_config(file, {"SECRET": SECRET})).schemes
            if p.name not in ("external", "basic")
        ]
        client = httpx.AsyncClient(transport=httpx.MockTransport(lambda _: httpx.Response(200, json={"active": False})))
        means = Means(Registry().draft(), lambda: client, lambda _: pytest.fail("no upstream"), Clocks(lambda: NOW))
        BUILT[file] = build_schemes(plans, means)
    return BUILT[file]


@pytest.mark.long
def test_no_canary_is_in_any_output(
    client: TestClient,
    file: Path,
    token: Callable[..., str],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Credentials and secrets are in no answer, no log at any level, no document, and in nothing that a command says."""
    hashed = (file.parent / "htpasswd").read_text().partition(":")[2].strip()
    canaries = [SECRET, hashed, hashlib.sha256(b"good").hexdigest()]
    texts = []
    with caplog.at_level(logging.DEBUG):
        for name, query, headers, _ in cases(token):
            answer = client.post(f"/{name}{query}", content=BODY, headers=headers)
            texts.append(answer.text + str(answer.headers))
            sent = [value for _, value in (headers.items() if isinstance(headers, dict) else headers)]
            canaries += [value for value in sent if len(value) > 40]
        for password in ("ada:right", "ada:wrong"):
            canaries.append(basic(password)["authorization"].partition(" ")[2])
        for path in ("/openapi.json", "/-/config", "/readyz?verbose", "/docs"):
            texts.append(client.get(path).text)
    texts += [str(record.__dict__) for record in caplog.records if record.name.startswith("aggregator")]
    monkeypatch.chdir(file.parent)
    monkeypatch.setenv("SECRET", SECRET)
    commands = [["check"], ["explain", "POST /header"], ["routes"]]
    commands += [["explain", "POST /signature", "--format", name] for name in ("json", "mermaid", "svg")]
    said = [CliRunner().invoke(cli, command) for command in commands]
    assert [one.exit_code for one in said] == [0] * len(commands)
    texts += [one.output for one in said]
    texts.append(repr(load_config(file, {"SECRET": SECRET})))
    assert [canary[:20] for canary in canaries for text in texts if canary in text] == []


def test_a_key_in_the_query_is_masked(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It is in no line of the log, whatever is told of its request."""
    with caplog.at_level(logging.DEBUG), served(file) as client:
        for key in ("good", "a-key-that-is-a-canary"):
            client.post(f"/query?key={key}", content=BODY)
    ours = [record for record in caplog.records if record.name.startswith("aggregator")]
    assert ours
    assert [record for record in ours if "key=good" in str(record.__dict__) or "a-canary" in str(record.__dict__)] == []
