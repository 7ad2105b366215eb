"""Who may call: schemes, what an endpoint asks for, guards and networks, through the whole application."""

from __future__ import annotations

import base64
import hashlib
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import bcrypt
import pytest
from fastapi.testclient import TestClient
from joserfc import jws
from joserfc.jwk import ECKey

from aggregator import create_app, load_config
from aggregator.errors import ConfigError
from aggregator.plan.compiling.compiler import compile_plan
from aggregator.plan.explaining.explain import explain
from aggregator.plan.explaining.text import explanation_text

FILE = """\
version: 1
auth:
  partners: {api_key: {header: x-api-key, keys: {file: keys.yaml}}}
  links: {api_key: {query: key, keys: {file: keys.yaml}}}
  shoppers: {api_key: {cookie: key, keys: {file: keys.yaml}}}
  ops: {basic: {users: {file: htpasswd}, realm: operations}}
  customers: {jwt: {issuer: https://id.example.com, audience: shop, key: {file: issuer.pem}}}
  pages: {jwt: {issuer: https://id.example.com, audience: shop, key: {file: issuer.pem}, from: {cookie: session}}}
defaults: {endpoint: {auth: partners, require: "{{ auth.subject != 'banned' }}"}}
endpoints:
  GET /default: {respond: {body: ok}}
  GET /open: {auth: none, require: "{{ true }}", respond: {body: ok}}
  GET /any: {auth: {any: [customers, partners, ops]}, respond: {body: {who: "{{ auth.subject }}", by: "{{ auth.scheme }}"}}}
  GET /all: {auth: {all: [customers, partners]}, respond: {body: {who: "{{ auth.subject }}", may: "{{ auth.scopes }}"}}}
  GET /maybe: {auth: {any: [partners], optional: true}, require: "{{ true }}", respond: {body: {who: "{{ auth.subject }}"}}}
  GET /link: {auth: links, respond: {body: ok}}
  GET /scoped: {auth: partners, require: [{that: "{{ 'orders.read' in auth.scopes }}", status: 403, detail: orders.read is needed}], respond: {body: ok}}
  GET /claims: {auth: customers, respond: {body: "{{ auth.claims['https://x/y'] }}"}}
  GET /page: {auth: pages, respond: {body: ok}}
  POST /page: {auth: pages, respond: {body: ok}}
  GET /shop: {auth: shoppers, respond: {body: ok}}
  POST /shop: {auth: shoppers, respond: {body: ok}}
"""
BASIC = base64.b64encode(b"ada:secret").decode()


@pytest.fixture(scope="module")
def issuer() -> ECKey:
    """The key of the issuer."""
    return ECKey.generate_key("P-256")


@pytest.fixture(scope="module")
def token(issuer: ECKey) -> Callable[..., str]:
    """Makes tokens with the claims of a good one, changed."""

    def make(**changes: Any) -> str:
        claims = {
            "iss": "https://id.example.com",
            "aud": "shop",
            "sub": "carl",
            "exp": time.time() + 300,
            "scope": "t.read",
        }
        return jws.serialize_compact({"alg": "ES256"}, json.dumps(claims | changes), issuer)

    return make


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, issuer: ECKey) -> Path:
    """A folder with the file and what it names."""
    folder = tmp_path_factory.mktemp("identity")
    lines = [
        f"- {{name: {name}, sha256: {hashlib.sha256(name.encode()).hexdigest()}, scopes: [{scope}]}}\n"
        for name, scope in (("acme", "orders.read"), ("small", "other"), ("banned", "orders.read"))
    ]
    (folder / "keys.yaml").write_text("".join(lines))
    (folder / "htpasswd").write_text(f"ada:{bcrypt.hashpw(b'secret', bcrypt.gensalt(4)).decode()}\n")
    (folder / "issuer.pem").write_bytes(issuer.as_pem(private=False))
    (folder / "routes.yaml").write_text(FILE)
    return folder


@pytest.fixture(scope="module")
def client(folder: Path) -> Iterator[TestClient]:
    """A client of the application."""
    with TestClient(create_app(load_config(folder / "routes.yaml"))) as client:
        yield client


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/default", {}, 401),
        ("/default", {"x-api-key": "acme"}, 200),
        ("/default", {"x-api-key": "nobody"}, 401),
        ("/default", {"x-api-key": "banned"}, 403),
        ("/default", {"authorization": f"Basic {BASIC}"}, 401),
        ("/open", {}, 200),
        ("/any", {"authorization": f"Basic {BASIC}"}, 200),
        ("/any", {"authorization": f"basic {BASIC}"}, 200),
        ("/any", {"authorization": "Basic !!"}, 401),
        ("/any", {"authorization": "Bearer x"}, 401),
        ("/any", {"authorization": "Negotiate x"}, 401),
        ("/any", {"authorization": "Bearer x", "x-api-key": "acme"}, 200),
        ("/maybe", {}, 200),
        ("/maybe", {"x-api-key": "nobody"}, 401),
        ("/all", {"x-api-key": "acme"}, 401),
        ("/link", {}, 401),
        ("/link?key=acme", {}, 200),
        ("/link?key=acme&key=acme", {}, 401),
        ("/link?key=nobody", {}, 401),
        ("/scoped", {"x-api-key": "acme"}, 200),
        ("/scoped", {"x-api-key": "small"}, 403),
    ],
)
def test_who_is_admitted(client: TestClient, path: str, headers: dict[str, str], status: int) -> None:
    """A right credential in the right place admits; a wrong one, one elsewhere, and none do not."""
    assert client.get(path, headers=headers).status_code == status


def test_what_expressions_know_of_the_caller(client: TestClient, token: Callable[..., str]) -> None:
    """Subject, scheme, scopes and claims of whoever was admitted, those of all schemes together."""
    bearer = {"authorization": f"Bearer {token()}"}
    assert client.get("/any", headers=bearer).json() == {"who": "carl", "by": "customers"}
    assert client.get("/any", headers={"x-api-key": "acme"}).json() == {"who": "acme", "by": "partners"}
    together = client.get("/all", headers=bearer | {"x-api-key": "acme"})
    assert together.json() == {"who": "carl", "may": ["t.read", "orders.read"]}
    assert client.get("/maybe").json() == {"who": None}
    claimed = {"authorization": f"Bearer {token(**{'https://x/y': [1]})}"}
    assert client.get("/claims", headers=claimed).json() == [1]


@pytest.mark.parametrize(
    ("path", "headers", "status", "cause", "told"),
    [
        ("/any", {"authorization": "Bearer x.y"}, 401, "unauthenticated", {"scheme": "customers", "reason": "malformed"}),
        ("/default", {}, 401, "unauthenticated", {"scheme": "partners", "reason": "missing"}),
        ("/default", {"x-api-key": "s3cret-key"}, 401, "unauthenticated", {"scheme": "partners", "reason": "unknown"}),
        (
            "/scoped", {"x-api-key": "small"}, 403, "forbidden",
            {"scheme": "partners", "reason": "require: 'orders.read' in auth.scopes"},
        ),
    ],
)  # fmt: skip
def test_refusals_are_told(
    client: TestClient,
    caplog: pytest.LogCaptureFixture,
    path: str,
    headers: dict[str, str],
    status: int,
    cause: str,
    told: dict[str, str],
) -> None:
    """The problem has a cause; the log has the scheme and the reason, and never what came."""
    with caplog.at_level("INFO", "aggregator.auth"):
        answer = client.get(path, headers=headers)
    assert (answer.status_code, answer.json()["cause"]) == (status, cause)
    (record,) = (record for record in caplog.records if record.name == "aggregator.auth")
    fields = record.__dict__["fields"]
    assert {name: fields[name] for name in told} == told
    assert fields["cause"] == cause
    assert not [value for value in headers.values() if value in str(record.__dict__)]


def test_answers_to_callers_are_private(client: TestClient) -> None:
    """What depends on who calls is private, what anybody gets is not; refusals are not stored."""
    admitted = client.get("/any", headers={"x-api-key": "acme"})
    assert admitted.headers["cache-control"] == "private"
    assert "cache-control" not in client.get("/open").headers
    assert client.get("/any").headers["cache-control"] == "no-store"


def test_openapi_says_who_may_call(client: TestClient) -> None:
    """Each scheme is there as a client can use it, each operation says which ones admit, and what others get."""
    document = client.get("/openapi.json").json()
    schemes = document["components"]["securitySchemes"]
    assert schemes["partners"] == {"type": "apiKey", "in": "header", "name": "x-api-key"}
    assert schemes["links"] == {"type": "apiKey", "in": "query", "name": "key"}
    assert schemes["ops"] == {"type": "http", "scheme": "basic"}
    assert (schemes["customers"]["type"], schemes["customers"]["scheme"]) == ("http", "bearer")
    assert schemes["pages"] == {"type": "apiKey", "in": "cookie", "name": "session"}
    operations = {path: item["get"] for path, item in document["paths"].items() if "get" in item}
    assert operations["/any"]["security"] == [{"customers": []}, {"partners": []}, {"ops": []}]
    assert operations["/all"]["security"] == [{"customers": [], "partners": []}]
    assert operations["/maybe"]["security"] == [{"partners": []}, {}]
    assert "security" not in operations["/open"]
    assert {"401", "403"} <= set(operations["/scoped"]["responses"])
    assert "401" not in operations["/open"]["responses"]


def test_explain_says_who_may_call(folder: Path) -> None:
    """Schemes and guards in the order in which a request meets them, with what the others get."""
    plan = compile_plan(load_config(folder / "routes.yaml"))
    endpoint = next(one for one in plan.endpoints if one.key == "GET /scoped")
    text = explanation_text(explain(endpoint, frozenset()))
    assert (
        """
Who may call
  by partners, or 401
  429 where an address has failed too often
  where {{ auth.subject != 'banned' }} is true, or 403 "You are not allowed to do this."
  where {{ 'orders.read' in auth.scopes }} is true, or 403 "orders.read is needed"
"""
        in text
    )


def test_headers_of_a_client_are_no_identity(client: TestClient) -> None:
    """No header that a client sends stands in for what a scheme found out."""
    forged = {"x-api-key": "acme", "auth": "root", "x-subject": "root", "x-auth-subject": "root"}
    assert client.get("/any", headers=forged).json()["who"] == "acme"


def test_refusals_say_what_is_asked_for_and_no_more(client: TestClient, token: Callable[..., str]) -> None:
    """401 has the challenges, an error only where a token came, and the same words for every reason."""
    nothing = client.get("/any")
    asked = ["APIKey", "Bearer", 'Basic realm="operations", charset="UTF-8"']
    assert sorted(nothing.headers.get_list("www-authenticate")) == sorted(asked)
    wrong = [
        client.get("/any", headers={"authorization": f"Bearer {text}"}) for text in ("x", token(exp=1), token(aud="b"))
    ]
    assert all('Bearer error="invalid_token"' in one.headers.get_list("www-authenticate") for one in wrong)
    others = [client.get("/any", headers=each) for each in ({"x-api-key": "x"}, {"authorization": "Basic eDp5"})]
    assert all(sorted(one.headers.get_list("www-authenticate")) == sorted(asked) for one in others)
    wrong += [*others, client.get("/any", headers={"x-api-key": "x", "authorization": "Bearer x"})]
    assert 'Bearer error="invalid_token"' in wrong[-1].headers.get_list("www-authenticate")
    assert len({(one.status_code, one.json()["detail"]) for one in (nothing, *wrong)}) == 1
    assert all(one.headers["cache-control"] == "no-store" for one in (nothing, *wrong))


def test_a_refusal_by_a_guard_says_its_detail(client: TestClient) -> None:
    """A caller who is known but not allowed is told by the words of the file."""
    refused = client.get("/scoped", headers={"x-api-key": "small"})
    assert (refused.status_code, refused.json()["detail"]) == (403, "orders.read is needed")


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        ("GET", {}, 200),
        ("POST", {}, 401),
        ("POST", {"sec-fetch-site": "same-origin"}, 200),
        ("POST", {"sec-fetch-site": "cross-site"}, 401),
        ("POST", {"sec-fetch-site": "same-site"}, 401),
        ("POST", {"origin": "http://testserver"}, 200),
        ("POST", {"origin": "https://evil.test"}, 401),
        ("POST", {"origin": "null"}, 401),
        ("POST", {"origin": "http://testserver", "sec-fetch-site": "cross-site"}, 401),
    ],
)
def test_a_credential_in_a_cookie_needs_a_page_of_ours(
    client: TestClient, token: Callable[..., str], method: str, headers: dict[str, str], status: int
) -> None:
    """Browsers send cookies along with requests of foreign pages: unsafe ones need a sign of our own origin."""
    cookies = {"/page": f"session={token()}", "/shop": "key=acme"}
    answers = [client.request(method, path, headers=headers | {"cookie": sent}) for path, sent in cookies.items()]
    assert [answer.status_code for answer in answers] == [status, status]


def test_a_page_of_another_origin_is_no_guess(client: TestClient) -> None:
    """What it makes a browser send is refused, and counts against nobody who shares the address."""
    sent = {"cookie": "key=acme", "sec-fetch-site": "cross-site"}
    refused = {client.post("/shop", headers=sent).status_code for _ in range(40)}
    assert (refused, client.get("/shop", headers={"cookie": "key=small"}).status_code) == ({401}, 200)


@pytest.mark.parametrize(
    ("peer", "forwarded", "origin", "status"),
    [
        ("10.0.0.1", {"x-forwarded-proto": "https", "x-forwarded-host": "shop.example.com"}, "https://shop.example.com", 200),
        ("10.0.0.1", {"x-forwarded-proto": "https", "x-forwarded-host": "shop.example.com"}, "http://shop.example.com", 401),
        ("10.0.0.1", {"x-forwarded-proto": "https", "x-forwarded-host": "shop.example.com"}, "http://testserver", 401),
        ("10.0.0.1", {"x-forwarded-proto": "https"}, "https://testserver:443", 200),
        ("192.0.2.9", {"x-forwarded-proto": "https", "x-forwarded-host": "shop.example.com"}, "https://shop.example.com", 401),
        ("192.0.2.9", {}, "http://testserver:80", 200),
        ("192.0.2.9", {}, "http://testserver:8080", 401),
        ("192.0.2.9", {}, "https://testserver", 401),
    ],
)  # fmt: skip
def test_a_page_of_ours_is_one_of_the_origin_that_the_proxy_tells(
    folder: Path, token: Callable[..., str], peer: str, forwarded: dict[str, str], origin: str, status: int
) -> None:
    """Scheme, host and port count, as clients see them: a proxy that is trusted says so, anybody else does not."""
    (folder / "proxied.yaml").write_text(f"{FILE}server: {{trusted_proxies: [10.0.0.0/8]}}\n")
    headers = {"x-forwarded-for": "192.0.2.7", "origin": origin, "cookie": f"session={token()}"} | forwarded
    with TestClient(create_app(folder / "proxied.yaml"), client=(peer, 1)) as client:
        assert client.post("/page", headers=headers).status_code == status


@pytest.mark.parametrize(
    "twice",
    [
        [("sec-fetch-site", "same-origin"), ("sec-fetch-site", "cross-site")],
        [("origin", "http://testserver"), ("origin", "https://evil.test")],
    ],
)
def test_a_page_is_ours_only_by_all_that_is_said_of_it(
    client: TestClient, token: Callable[..., str], twice: list[tuple[str, str]]
) -> None:
    """A second word that names another origin refuses, as the first would."""
    answers = [
        client.post("/page", headers=[*headers, ("cookie", f"session={token()}")])
        for headers in (twice, twice[::-1], [twice[0], twice[0]])
    ]
    assert [answer.status_code for answer in answers] == [401, 401, 200]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("auth: partners,", "auth: partner,", "there is no scheme `partner`"),
        ("keys.yaml", "nope.yaml", "cannot be read"),
        ("issuer.pem", "keys.yaml", "no key in PEM"),
        ("htpasswd", "keys.yaml", "neither bcrypt nor argon2"),
        ("auth.subject != 'banned'", "auth.subjct", "`auth` has no field `subjct`"),
        ("require: \"{{ true }}\", respond: {body: ok}}", "require: \"{{ auth.key }}\", respond: {body: ok}}", "does not ask who calls"),
        ("header: x-api-key", "header: x-api-key, query: k", "a key comes in one place"),
        ("issuer: https://id.example.com, audience: shop, key: {file: issuer.pem}", "issuer: http://id.example.com, audience: shop", "in the clear"),
        ("issuer: https://id.example.com, audience: shop, key: {file: issuer.pem}", "issuer: shop, audience: shop", "no URL"),
        ("GET /open: {auth: none,", "GET /open: {auth: none, allow_from: [10.0.0.1/8],", "has host bits set"),
    ],
)  # fmt: skip
def test_what_check_says(folder: Path, tmp_path: Path, old: str, new: str, said: str) -> None:
    """A scheme that nobody declares, a file that does not fit and a name that is not there are found at load."""
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    assert old in FILE
    (tmp_path / "routes.yaml").write_text(FILE.replace(old, new, 1))
    with pytest.raises(ConfigError) as problems:
        load_config(tmp_path / "routes.yaml")
    assert any(said in problem.message for problem in problems.value.diagnostics), problems.value.diagnostics


def test_networks(tmp_path: Path) -> None:
    """Only allowed networks, and never denied ones; nobody is asked for a credential before."""
    (tmp_path / "routes.yaml").write_text(
        "version: 1\nendpoints:\n"
        "  GET /inside: {allow_from: [10.0.0.0/8], respond: {body: ok}}\n"
        "  GET /outside: {deny_from: [10.0.0.0/8], respond: {body: ok}}\n"
        "  GET /some: {allow_from: [10.0.0.0/8], deny_from: [10.0.0.9], respond: {body: ok}}\n"
    )
    app = create_app(load_config(tmp_path / "routes.yaml"))
    found = {}
    for address in ("10.0.0.1", "10.0.0.9", "192.0.2.1"):
        with TestClient(app, client=(address, 1)) as client:
            found[address] = [client.get(path).status_code for path in ("/inside", "/outside", "/some")]
    assert found == {"10.0.0.1": [200, 403, 200], "10.0.0.9": [200, 403, 403], "192.0.2.1": [403, 200, 403]}


def test_secrets_are_in_no_output(client: TestClient, folder: Path) -> None:
    """Neither a key, nor its hash, nor that of a password is in the document or in `/-/config`."""
    texts = client.get("/openapi.json").text + client.get("/-/config").text + repr(load_config(folder / "routes.yaml"))
    secrets = [hashlib.sha256(b"acme").hexdigest(), (folder / "htpasswd").read_text().split(":")[1].strip()]
    assert not [secret for secret in secrets if secret in texts]
