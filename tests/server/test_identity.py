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

FILE = """\
version: 1
auth:
  partners: {api_key: {header: x-api-key, keys: {file: keys.yaml}}}
  links: {api_key: {query: key, keys: {file: keys.yaml}}}
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


def test_headers_of_a_client_are_no_identity(client: TestClient) -> None:
    """No header that a client sends stands in for what a scheme found out."""
    forged = {"x-api-key": "acme", "auth": "root", "x-subject": "root", "x-auth-subject": "root"}
    assert client.get("/any", headers=forged).json()["who"] == "acme"


def test_refusals_say_what_is_asked_for_and_no_more(client: TestClient, token: Callable[..., str]) -> None:
    """401 has the challenges, an error only where a token came, and the same words for every reason."""
    nothing = client.get("/any")
    assert nothing.headers.get_list("www-authenticate") == ["Bearer", 'Basic realm="operations", charset="UTF-8"']
    wrong = [
        client.get("/any", headers={"authorization": f"Bearer {text}"}) for text in ("x", token(exp=1), token(aud="b"))
    ]
    assert {one.headers.get_list("www-authenticate")[0] for one in wrong} == {'Bearer error="invalid_token"'}
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
def test_a_token_in_a_cookie_needs_a_page_of_ours(
    client: TestClient, token: Callable[..., str], method: str, headers: dict[str, str], status: int
) -> None:
    """Browsers send cookies along with requests of foreign pages: unsafe ones need a sign of our own origin."""
    answer = client.request(method, "/page", headers=headers | {"cookie": f"session={token()}"})
    assert answer.status_code == status


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
