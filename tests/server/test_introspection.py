"""Tokens that their issuer is asked about, and requests that an upstream decides about, through the whole application."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest
from fastapi.testclient import TestClient

from aggregator import create_app, load_config
from aggregator.runtime.admission.asked import asking
from aggregator.server.once.checking import check_file

NOW = 1_700_000_000
FILE = """\
version: 1
auth:
  legacy: {introspection: {url: "https://id.test/introspect", client_id: "sh:op", client_secret: "${SECRET}", cache: 1m, audience: shop, roles_at: realm.roles}}
  fresh: {introspection: {url: "https://id.test/introspect", client_id: shop, client_secret: "${SECRET}", cache: 0s, timeout: 60s}}
  named: {introspection: {url: "https://id.test/introspect", client_id: shop, client_secret: "${SECRET}", issuer: "https://id.test"}}
  limited: {introspection: {url: "https://id.test/introspect", client_id: shop, client_secret: "${SECRET}"}, failures: {rate: 1/h, burst: 2}}
  sessions:
    external:
      url: GET sso:/check
      headers: [cookie, Authorization]
      subject: "{{ response.headers['x-user'] }}"
      scopes: "{{ response.body.may }}"
      cache: 30s
  asked: {external: {url: "POST sso:/check", headers: [authorization]}}
  numbered: {external: {url: sso:/check, headers: [authorization], subject: "{{ response.body.user }}"}}
defaults: {forward: {headers: [x-other], query: [page]}}
upstreams: {sso: {url: "http://sso.test", headers: {x-from: shop}}}
endpoints:
  GET /legacy: {auth: legacy, respond: {body: "{{ auth }}"}}
  GET /fresh: {auth: fresh, respond: {body: ok}}
  GET /named: {auth: named, respond: {body: ok}}
  GET /sessions: {auth: sessions, respond: {body: {who: "{{ auth.subject }}", may: "{{ auth.scopes }}", by: "{{ auth.scheme }}"}}}
  GET /asked: {auth: asked, respond: {body: "{{ auth.subject }}"}}
  GET /numbered: {auth: numbered, respond: {body: "{{ auth.subject }}"}}
  GET /limited: {auth: limited, respond: {body: ok}}
  GET /both: {auth: {all: [legacy, sessions]}, respond: {body: ok}}
  GET /either: {auth: {any: [sessions, legacy]}, respond: {body: "{{ auth.scheme }}"}}
"""
GOOD = {"active": True, "sub": "ada", "scope": "a b", "aud": ["shop"], "exp": NOW + 300, "realm": {"roles": ["admin"]}}


class Others:
    """The issuer and the upstream: what they were asked, and what they answer."""

    def __init__(self) -> None:
        self.asked: list[httpx.Request] = []
        self.answer: Callable[[httpx.Request], httpx.Response] = lambda _: httpx.Response(200, json=GOOD)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """Take note of a request, and answer it."""
        self.asked.append(request)
        return self.answer(request)

    def says(self, status: int = 200, body: Any = None, **headers: str) -> None:
        """Answer so from now on."""
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        self.answer = lambda _: httpx.Response(status, headers=fields, json=body)


@pytest.fixture
def others() -> Others:
    """The issuer and the upstream."""
    return Others()


@pytest.fixture
def client(tmp_path: Path, others: Others) -> Iterator[TestClient]:
    """A client of the application."""
    (tmp_path / "routes.yaml").write_text(FILE)
    app = create_app(
        tmp_path / "routes.yaml", env={"SECRET": "p%ss"}, transport=httpx.MockTransport(others), clock=lambda: NOW
    )
    with TestClient(app) as client:
        yield client


def bearer(token: str = "opaque") -> dict[str, str]:
    """Return the header of *token*."""
    return {"authorization": f"Bearer {token}"}


def test_a_good_token(client: TestClient, others: Others) -> None:
    """The issuer is asked as RFC 7662 says, and its answer is the caller."""
    found = client.get("/legacy", headers=bearer()).json()
    assert (found["subject"], found["scopes"], found["roles"], found["scheme"]) == (
        "ada",
        ["a", "b"],
        ["admin"],
        "legacy",
    )
    assert found["claims"]["exp"] == NOW + 300
    (asked,) = others.asked
    assert parse_qs(asked.content.decode()) == {"token": ["opaque"], "token_type_hint": ["access_token"]}
    assert base64.b64decode(asked.headers["authorization"].removeprefix("Basic ")) == b"sh%3Aop:p%25ss"


@pytest.mark.parametrize("said", [rb'"sub": "a\ud800"', rb'"sub": "a", "n": NaN', rb'"sub": "a", "n": 1e999'])
def test_an_answer_that_cannot_be_told_further(client: TestClient, others: Others, said: bytes) -> None:
    """What is no JSON by the rules for all bodies is no answer, 503: nothing could be made of its claims."""
    others.answer = lambda _: httpx.Response(200, content=b'{"active": true, "aud": "shop", %b}' % said)
    assert client.get("/legacy", headers=bearer()).status_code == 503


@pytest.mark.parametrize(
    "answer",
    [
        {"active": False},
        GOOD | {"exp": NOW},
        GOOD | {"nbf": NOW + 1},
        GOOD | {"aud": "other"},
        {name: value for name, value in GOOD.items() if name != "aud"},
    ],
)
def test_what_the_issuer_says_is_wrong(client: TestClient, others: Others, answer: dict[str, Any]) -> None:
    """Not active, of another time or for another service: 401 with the challenge, and remembered."""
    others.says(body=answer)
    answers = [client.get("/legacy", headers=bearer()) for _ in range(2)]
    assert [one.status_code for one in answers] == [401, 401]
    assert answers[0].headers["www-authenticate"] == 'Bearer error="invalid_token"'
    assert len(others.asked) == 1


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(500),
        httpx.Response(401),
        httpx.Response(302, headers={"location": "https://evil.test"}),
        httpx.Response(200, text="no json"),
        httpx.Response(200, json=[]),
        httpx.Response(200, json={"active": "true"}),
        httpx.Response(200, json=GOOD | {"exp": "soon"}),
        httpx.Response(200, content=b'{"active": true, "x": "' + b"x" * 600_000 + b'"}'),
    ],
)
def test_an_issuer_that_does_not_say(
    client: TestClient, others: Others, answer: httpx.Response, caplog: pytest.LogCaptureFixture
) -> None:
    """503 with Retry-After, a line in the log, and the next request asks again."""
    others.answer = lambda _: httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)
    with caplog.at_level("WARNING", "aggregator.auth"):
        refused = client.get("/legacy", headers=bearer())
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
    assert refused.json()["cause"] == "auth_unavailable"
    told = [record.message for record in caplog.records if record.name == "aggregator.auth"]
    assert told == ["Nobody said whether a credential is right."]
    others.says(body=GOOD)
    assert client.get("/legacy", headers=bearer()).status_code == 200


def test_an_issuer_that_cannot_be_reached(client: TestClient, others: Others) -> None:
    """503 too, in whichever way it fails."""

    def fail(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    others.answer = fail
    assert client.get("/legacy", headers=bearer()).status_code == 503


def test_answers_are_remembered_as_long_as_the_file_says(client: TestClient, others: Others) -> None:
    """A minute, or not at all; another token is another question."""
    for token in ("one", "one", "two"):
        client.get("/legacy", headers=bearer(token))
    assert len(others.asked) == 2
    for _ in range(2):
        client.get("/fresh", headers=bearer())
    assert len(others.asked) == 4


@pytest.mark.parametrize("token", ["", "a b", "ä", "a" * 20_000, 'a"b', "=="])
def test_nobody_is_asked_about_what_is_no_token(client: TestClient, others: Others, token: str) -> None:
    """Garbage costs nothing."""
    assert client.get("/legacy", headers={"authorization": f"Bearer {token}".encode()}).status_code == 401
    assert others.asked == []


def test_a_token_of_another_issuer_is_not_shown_to_this_one(client: TestClient, others: Others) -> None:
    """With an `issuer` declared, a token that names another is refused without asking."""

    def made(issuer: str) -> str:
        pieces = ({"alg": "ES256"}, {"iss": issuer})
        return (
            ".".join(base64.urlsafe_b64encode(json.dumps(one).encode()).decode().rstrip("=") for one in pieces) + ".x"
        )

    statuses = [
        client.get("/named", headers=bearer(made(issuer))).status_code
        for issuer in ("https://evil.test", "https://id.test")
    ]
    assert (statuses, len(others.asked)) == ([401, 200], 1)


def test_an_upstream_decides(client: TestClient, others: Others) -> None:
    """2xx admits; subject and scopes are taken from its answer; only the named headers go, and nothing of the request."""
    others.says(204, None, x_user="ada")
    others.answer = lambda _: httpx.Response(200, headers={"x-user": "ada"}, json={"may": ["read"]})
    headers = {"cookie": "s=1", "x-other": "private", "x-user": "forged"}
    answers = [client.get("/sessions?page=2", headers=headers) for _ in range(2)]
    assert answers[0].json() == answers[1].json() == {"who": "ada", "may": ["read"], "by": "sessions"}
    (asked,) = others.asked
    assert (asked.method, str(asked.url)) == ("GET", "http://sso.test/check")
    assert (asked.headers["cookie"], asked.headers["x-from"]) == ("s=1", "shop")
    assert not {"x-other", "x-user", "authorization"} & set(asked.headers)


def test_other_headers_are_another_question(client: TestClient, others: Others) -> None:
    """What is remembered belongs to all of the named headers together."""
    others.says(body={})
    for headers in ({"cookie": "s=1"}, {"cookie": "s=2"}, {"cookie": "s=1", "authorization": "x"}, {"cookie": "s=1"}):
        assert client.get("/sessions", headers=headers).status_code == 200
    assert len(others.asked) == 3


def test_without_any_of_the_headers_nobody_is_asked(client: TestClient, others: Others) -> None:
    """A stranger costs no call."""
    assert client.get("/sessions").status_code == 401
    assert others.asked == []


@pytest.mark.parametrize(("status", "cause"), [(401, "unauthenticated"), (403, "forbidden")])
def test_a_refusal_passes(client: TestClient, others: Others, status: int, cause: str) -> None:
    """401 and 403 are those of the upstream, with its challenge, and remembered; its body is not passed on."""
    others.says(status, {"secret": "x"}, www_authenticate='Negotiate realm="here"')
    answers = [client.get("/sessions", headers={"cookie": "s=1"}) for _ in range(2)]
    assert [(one.status_code, one.json()["cause"]) for one in answers] == [(status, cause)] * 2
    assert "secret" not in answers[0].text
    assert answers[0].headers.get("www-authenticate") == ('Negotiate realm="here"' if status == 401 else None)
    assert len(others.asked) == 1


@pytest.mark.parametrize("headers", [{}, {"cookie": "s=1"}])
def test_a_401_has_a_challenge(client: TestClient, others: Others, headers: dict[str, str]) -> None:
    """RFC 9110 §15.5.2 wants one: where nobody was asked, and where the upstream says none of its own."""
    others.says(401, None)
    assert client.get("/sessions", headers=headers).headers["www-authenticate"] == "External"
    assert client.get("/either", headers=headers).headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("status", [302, 404, 429, 500])
def test_anything_else_is_no_answer(client: TestClient, others: Others, status: int) -> None:
    """503, with the time that the upstream names."""
    others.says(status, {}, retry_after="7", location="https://evil.test")
    refused = client.get("/asked", headers=bearer())
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "7")


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("0", "1"),
        ("1", "1"),
        ("2", "2"),
        ("60", "60"),
        ("61", "60"),
        ("99999", "60"),
        ("100000", "1"),
        ("Mon, 30 Nov 2026 00:00:00 GMT", "1"),
        ("-5", "1"),
    ],
)
def test_when_to_come_again_is_bounded(client: TestClient, others: Others, said: str, told: str) -> None:
    """After a second at the earliest, and a minute at the latest, whatever a failing upstream says."""
    others.says(500, {}, retry_after=said)
    refused = client.get("/asked", headers=bearer())
    assert (refused.status_code, refused.headers["retry-after"]) == (503, told)


def test_an_answer_without_what_is_taken_from_it(client: TestClient, others: Others) -> None:
    """A caller without a name has none; it is the guards that decide about one."""
    others.says(body={})
    assert client.get("/asked", headers=bearer()).json() is None
    assert client.get("/sessions", headers=bearer()).json()["who"] is None


@pytest.mark.parametrize(
    ("value", "status", "subject"),
    [
        ("ada", 200, "ada"),
        (7, 200, "7"),
        (None, 200, None),
        ("", 200, None),
        (True, 503, ""),
        ([1], 503, ""),
        ({}, 503, ""),
    ],
)
def test_a_subject_is_a_text(client: TestClient, others: Others, value: Any, status: int, subject: str | None) -> None:
    """A number stands as its digits; what is no name of anybody is no answer, and not the text of it."""
    others.says(body={"user": value})
    answer = client.get("/numbered", headers=bearer())
    assert (answer.status_code, answer.json() if status == 200 else "") == (status, subject)


def test_one_that_is_down_stops_nobody_else(client: TestClient, others: Others) -> None:
    """503 comes only if no other scheme admits."""

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(500) if request.url.host == "sso.test" else httpx.Response(200, json=GOOD)

    others.answer = answer
    assert client.get("/either", headers=bearer()).json() == "legacy"
    others.says(500)
    assert client.get("/either", headers=bearer("other")).status_code == 503


@pytest.mark.parametrize(("headers", "asked"), [({}, []), (bearer(), ["id.test"])])
def test_where_all_have_to_admit_the_first_refusal_decides(
    client: TestClient, others: Others, headers: dict[str, str], asked: list[str]
) -> None:
    """Those behind a scheme that refuses are not asked: nothing that they say would admit the caller."""
    others.says(body={"active": False})
    assert client.get("/both", headers={**headers, "cookie": "s=1"}).status_code == 401
    assert [request.url.host for request in others.asked] == asked


@pytest.mark.parametrize(("answer", "last"), [({"active": False}, 429), (GOOD | {"exp": NOW}, 401)])
def test_a_token_whose_time_is_over_is_no_failure(
    client: TestClient, others: Others, answer: dict[str, Any], last: int
) -> None:
    """What the issuer says later counts as what is known at once: a wrong token does, one that was right does not."""
    others.says(body=answer)
    statuses = [client.get("/limited", headers=bearer(f"token-{number}")).status_code for number in range(3)]
    assert statuses == [401, 401, last]


def test_openapi_says_how_callers_are_known(client: TestClient) -> None:
    """Each scheme in the form that OpenAPI has for it; no secret in the document."""
    document = client.get("/openapi.json")
    schemes = document.json()["components"]["securitySchemes"]
    assert (schemes["legacy"]["type"], schemes["legacy"]["scheme"]) == ("http", "bearer")
    assert (schemes["sessions"]["type"], schemes["sessions"]["name"]) == ("apiKey", "cookie")
    assert "p%ss" not in document.text


def test_secrets_are_in_no_repr(tmp_path: Path) -> None:
    """Neither the settings nor the plan show the secret of the client."""
    from aggregator.plan.compiling.compiler import compile_plan

    (tmp_path / "routes.yaml").write_text(FILE)
    config = load_config(tmp_path / "routes.yaml", {"SECRET": "a-canary-of-a-secret"})
    assert "a-canary" not in repr(config) + repr(compile_plan(config).schemes)


def test_many_who_wait_are_one_question(tmp_path: Path) -> None:
    """However many come with one token, the issuer is asked once."""
    asked: list[int] = []

    async def answer(_: httpx.Request) -> httpx.Response:
        asked.append(1)
        for _ in range(20):
            await asyncio.sleep(0)
        return httpx.Response(200, json=GOOD)

    assert asyncio.run(statuses(tmp_path, answer, ["opaque"] * 30)) == [200] * 30
    assert len(asked) == 1


def test_a_flood_of_tokens_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond so many questions at once callers get 503 at once, and nobody is asked."""
    monkeypatch.setattr(asking, "MOST", 3)
    asked: list[int] = []

    async def answer(_: httpx.Request) -> httpx.Response:
        asked.append(1)
        for _ in range(50):
            await asyncio.sleep(0)
        return httpx.Response(200, json=GOOD)

    found = asyncio.run(statuses(tmp_path, answer, [f"token{number}" for number in range(10)]))
    assert sorted(found) == [200] * 3 + [503] * 7
    assert len(asked) == 3


async def statuses(folder: Path, answer: Any, tokens: list[str]) -> list[int]:
    """Return the statuses of requests with *tokens*, all at once."""
    (folder / "routes.yaml").write_text(FILE)
    app = create_app(
        folder / "routes.yaml", env={"SECRET": "x"}, transport=httpx.MockTransport(answer), clock=lambda: NOW
    )
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client,
    ):
        answers = await asyncio.gather(*(client.get("/fresh", headers=bearer(token)) for token in tokens))
    return [one.status_code for one in answers]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('url: "https://id.test/introspect", client_id: "sh:op"', "url: id.test, client_id: x", "no URL"),
        ('url: "https://id.test/introspect", client_id: "sh:op"', 'url: "http://id.test/i", client_id: x', "in the clear"),
        ('client_secret: "${SECRET}", cache: 1m', "client_secret: hunter22, cache: 1m", "looks like a secret"),
        ("url: GET sso:/check", "url: GET ssso:/check", "there is no upstream `ssso`"),
        ("url: GET sso:/check", 'url: "GET sso:/check/{query.page}"', "must not depend on the request"),
        ("response.headers['x-user']", "headers['x-user']", "`headers` is not known here"),
        ("response.headers['x-user']", "response.haeders['x-user']", "no field `haeders`"),
        ("headers: [cookie, Authorization]", "headers: [cookie, X-From]", "does not go to the upstream"),
        ("headers: [cookie, Authorization]", "headers: [cookie, host]", "does not go to the upstream"),
        ("headers: [cookie, Authorization]", "headers: [a b]", "no name of a header"),
        ("headers: [cookie, Authorization]", "headers: []", "at least 1"),
        ('headers: {x-from: shop}', 'auth: {bearer: "${SECRET}"}', "does not go to the upstream"),
    ],
)  # fmt: skip
def test_what_check_says(tmp_path: Path, old: str, new: str, said: str) -> None:
    """An issuer that cannot be asked, an upstream that is not there or cannot judge, are found at load."""
    assert old in FILE
    file = tmp_path / "routes.yaml"
    file.write_text(FILE.replace(old, new, 1))
    found = check_file(str(file), {"SECRET": "a-secret-of-some-length"}).diagnostics
    assert any(said in problem.message for problem in found), found


def test_the_file_as_it_is(tmp_path: Path) -> None:
    """Nothing is wrong with it: an upstream that only a scheme asks is used."""
    (tmp_path / "routes.yaml").write_text(FILE)
    found = check_file(str(tmp_path / "routes.yaml"), {"SECRET": "x"}).diagnostics
    assert [problem.message for problem in found] == []
