"""Cookies both ways: what a client sends is a declared input, and answers set several."""

from __future__ import annotations

from pathlib import Path

import pytest

from aggregator import load_config
from aggregator.errors import ConfigError
from aggregator.plan.compiler import compile_plan
from aggregator.server.openapi import build_openapi
from tests.server.conftest import Gateway, Stage, reply_of

ROUTES = """
endpoints:
  GET /me:
    cookies:
      session: {type: string, minLength: 3, required: true}
      page: {type: integer, default: 1}
      size: {type: integer, default: "{{ cookies.page * 10 }}"}
    call: up:/me?s={cookies.session}
    response:
      body: {page: "{{ cookies.page }}", size: "{{ cookies.size }}", user: "{{ call.id }}"}
      set_cookies:
        - {name: seen, value: "{{ cookies.page + 1 }}", max_age: 30d}
        - {name: token, value: "{{ call.token }}", path: /me, http_only: false, same_site: strict}
        - {name: gone, value: null}
  GET /undeclared: {respond: {body: "{{ cookies.theme | default('none') }}"}}
  GET /set: {respond: {body: 1, set_cookies: [{name: a, value: "1", max_age: 0s, secure: false, same_site: lax}, {name: b, value: "x; Path=/"}]}}
  GET /stream: {stream: true, call: up:/me, response: {set_cookies: [{name: s, value: "{{ query.v }}"}]}}
"""


@pytest.fixture(scope="module")
def gateway(shared_stage: Stage, door: str) -> Gateway:
    """The server over these endpoints, by either way."""
    upstream = shared_stage.upstream()
    upstream["/me"] = lambda request: reply_of({"id": request.target, "token": "t 1"})
    return shared_stage.gateway(ROUTES, upstream, door=door)


def test_cookies_are_inputs(gateway: Gateway) -> None:
    """They are typed, have defaults, also of others, and stand in URLs and expressions."""
    reply = gateway.get("/me", "cookie: session=abc; page=2")
    assert reply.json == {"page": 2, "size": 20, "user": "/me?s=abc"}
    assert gateway.get("/me", "cookie: session=abc").json["page"] == 1


@pytest.mark.parametrize(
    ("line", "pointer"),
    [("x: y", "/session"), ("cookie: session=ab", "/session"), ("cookie: session=abc; page=x", "/page")],
)
def test_a_wrong_cookie_is_refused(gateway: Gateway, line: str, pointer: str) -> None:
    """One that is missing, and one that does not fit, are violations with their place."""
    reply = gateway.get("/me", line)
    assert reply.status == 422
    assert next((one["pointer"], one["location"]) for one in reply.json["errors"]) == (pointer, "cookie")


def test_an_undeclared_cookie_is_text(gateway: Gateway) -> None:
    """Where none is declared, each can be read as it came."""
    assert gateway.get("/undeclared", "cookie: theme=dark").json == "dark"
    assert gateway.get("/undeclared").json == "none"


def test_an_answer_sets_several_cookies(gateway: Gateway) -> None:
    """Each has a line; null sets none, and what a value cannot hold is percent-encoded."""
    reply = gateway.get("/me", "cookie: session=abc")
    assert reply.all("set-cookie") == [
        "seen=2; Max-Age=2592000; Path=/; Secure; HttpOnly; SameSite=Lax",
        "token=t%201; Path=/me; Secure; SameSite=Strict",
    ]
    assert gateway.get("/set").all("set-cookie") == [
        "a=1; Max-Age=0; Path=/; HttpOnly; SameSite=Lax",
        "b=x%3B%20Path=/; Path=/; Secure; HttpOnly; SameSite=Lax",
    ]
    assert gateway.get("/stream?v=1").all("set-cookie") == ["s=1; Path=/; Secure; HttpOnly; SameSite=Lax"]


def test_the_document_tells_cookies(tmp_path: Path) -> None:
    """They are parameters in the OpenAPI document, and `set-cookie` is a header of the answer."""
    (tmp_path / "routes.yaml").write_text("version: 1\nupstreams: {up: {url: 'http://u'}}\n" + ROUTES)
    operation = build_openapi(compile_plan(load_config(tmp_path / "routes.yaml")))["paths"]["/me"]["get"]
    found = {one["name"]: (one["in"], one["required"]) for one in operation["parameters"]}
    assert found == {"session": ("cookie", True), "page": ("cookie", False), "size": ("cookie", False)}
    assert "set-cookie" in operation["responses"]["200"]["headers"]


WRONG = [
    ("cookies: {a: string}, respond: {body: '{{ cookies.b }}'}", "unknown-field"),
    ("cookies: {a: strin}, respond: {body: 1}", "bad-schema"),
    ("cookies: {a b: string}, respond: {body: 1}", "header-name"),
    ("respond: {body: 1, set_cookies: [{name: a b, value: x}]}", "cookie"),
    ("respond: {body: 1, set_cookies: [{name: a, value: x, same_site: none, secure: false}]}", "cookie"),
    ("respond: {body: 1, set_cookies: [{name: __Host-a, value: x, path: /x}]}", "cookie"),
    ("respond: {body: 1, set_cookies: [{name: a, value: x, path: '/;x'}]}", "cookie"),
    ("respond: {body: 1, set_cookies: [{name: a, value: '{{ user.x }}'}]}", "unknown-name"),
]


@pytest.mark.parametrize(("endpoint", "code"), WRONG)
def test_what_cannot_be_is_said_at_load(tmp_path: Path, endpoint: str, code: str) -> None:
    """Each mistake has its code."""
    file = tmp_path / "routes.yaml"
    file.write_text(f"version: 1\nendpoints:\n  GET /a: {{{endpoint}}}\n")
    with pytest.raises(ConfigError) as caught:
        load_config(file)
    assert [problem.code for problem in caught.value.diagnostics] == [code]
