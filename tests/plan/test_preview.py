"""Requests as they would be written, and what is hidden in them."""

from __future__ import annotations

import pytest

from aggregator.plan.explaining.sending.preview import Veil, preview


def shown(plan, params: dict[str, object] | None = None):
    """Return the request of the first endpoint's first call."""
    return preview(plan.endpoints[0].fan.parts[0].calls[0], params or {}, Veil(plan.secrets))


def test_placeholders_stay_or_are_filled(plan_of) -> None:
    """A path parameter is shown by name until it is given, then percent-encoded as the runtime does it."""
    plan = plan_of("endpoints:\n  GET /a/{id}: {call: 'users:/u/{id}?q={query.q}'}")
    assert shown(plan).line == "GET users:/u/{id}?q={query.q}"
    assert shown(plan, {"id": "a/b c"}).line == "GET users:/u/a%2Fb%20c?q={query.q}"


def test_query_of_all_levels(plan_of) -> None:
    """What the upstream and the call add is there, and what is passed on is named."""
    plan = plan_of("""
    upstreams: {users: {url: "http://u.test", query: {v: 2, api_key: "literal"}, forward: {query: [page]}}}
    endpoints: {GET /a: {call: {url: "users:/a", query: {n: 1, q: "{{ query.q }}"}}}}
    """)
    assert shown(plan).target == "users:/a?v=2&api_key=********&n=1&q={{ query.q }}&page=…"


@pytest.mark.parametrize("origin", ["https://h.test", "http://h.test:8080", "http://[::1]:1"])
def test_a_full_url_is_shown_as_one(plan_of, origin: str) -> None:
    """No colon stands between its origin and its path."""
    assert shown(plan_of(f"endpoints:\n  GET /a: {{call: '{origin}/x?y=1'}}\n")).line == f"GET {origin}/x?y=1"


def test_headers_without_host(plan_of) -> None:
    """Headers are those of the wire, but for Host; what is passed on says so."""
    plan = plan_of("""
    endpoints:
      GET /a: {call: {url: "users:/a", headers: {x-a: 1, x-b: "{{ query.b }}"}, forward: {headers: [accept-language]}}}
    """)
    headers = dict(shown(plan).headers)
    assert "host" not in headers
    assert (headers["x-a"], headers["x-b"]) == ("1", "{{ query.b }}")
    assert headers["accept-language"] == "… (the client's)"


@pytest.mark.parametrize(
    ("client", "said"),
    [
        ("false", {}),
        ("true", {"x-forwarded-for, -proto, -host": "… (who asked)"}),
        ("forwarded", {"forwarded": "… (who asked)"}),
    ],
)
def test_how_the_client_is_told(plan_of, client: str, said: dict[str, str]) -> None:
    """Who asked is announced in the fields that carry it: the older three, or the one of RFC 7239."""
    plan = plan_of(f"endpoints:\n  GET /a: {{call: {{url: 'users:/a', forward: {{client: {client}}}}}}}\n")
    assert {name: value for name, value in shown(plan).headers if "forwarded" in name} == said


def test_forwarded_headers_with_a_default(plan_of) -> None:
    """A header that a call always sends is the client's where it is passed on, else its own."""
    plan = plan_of("endpoints:\n  GET /a: {call: {url: 'users:/a', forward: {headers: [accept]}}}\n")
    assert dict(shown(plan).headers)["accept"] == "… (the client's, or */*)"


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("json: {a: '{{ query.a }}', b: [1, 'x {{ query.b }}']}", '{"a":"{{ query.a }}","b":[1,"x {{ query.b }}"]}'),
        ("form: {a: 1}", '{"a":1}'),
        ("body: 'plain {{ query.a }}'\n      headers: {content-type: text/plain}", "plain {{ query.a }}"),
        ("forward: {body: true}", "… (the client's)"),
    ],
    ids=["json", "form", "text", "forwarded"],
)
def test_bodies(plan_of, body: str, text: str) -> None:
    """A body is shown with its expressions as they are written."""
    plan = plan_of(f"endpoints:\n  POST /a:\n    call:\n      method: POST\n      url: users:/a\n      {body}\n")
    assert shown(plan).body == text


def test_expressions_over_given_parameters_are_evaluated(plan_of) -> None:
    """What reads only parameters is computed; what reads more, or fails, stays an expression."""
    plan = plan_of("""
    endpoints:
      GET /a/{n}:
        params: {n: integer}
        call: {method: POST, url: "users:/a", json: {x: "{{ n + 1 }}", y: "{{ n + query.y }}", z: "{{ n | length }}"}}
    """)
    assert shown(plan, {"n": 2}).body == '{"x":3,"y":"{{ n + query.y }}","z":"{{ n | length }}"}'


@pytest.mark.parametrize("name", ["Authorization", "cookie", "X-Api-Key", "x-auth", "my-token", "x-signature"])
def test_a_name_can_be_secret(name: str) -> None:
    """A header with a telling name is masked whatever its value."""
    assert Veil(()).named(name, "value") == "********"


def test_a_value_can_be_secret() -> None:
    """Any part of a value that came from a variable masks the whole; a short one only as a word."""
    veil = Veil({"longer-secret", "ab"})
    assert veil.named("x-a", "Bearer longer-secret!") == "********"
    assert veil.named("x-a", "scheme ab") == "********"
    assert veil.named("x-a", "abacus") == "abacus"
    assert Veil({"abcd"}).named("x-a", "xabcdx") == "********"
    assert Veil({"abc"}).named("x-a", "xabcx") == "xabcx"


def test_texts_are_masked_in_place() -> None:
    """Within a text only the secret is masked; a text that is a secret is masked even when it is short."""
    veil = Veil({"longer-secret", "ab"})
    assert veil.text("x longer-secret y") == "x ******** y"
    assert veil.text("ab") == "********"
    assert veil.value({"a": ["longer-secret", 1, None]}) == {"a": ["********", 1, None]}


def test_an_origin_from_a_variable_is_hidden() -> None:
    """The origin of a full URL is no name, and is hidden when it came from a variable."""
    veil = Veil({"https://internal.test/base"})
    assert veil.upstream("https://internal.test") == "https://********"
    assert veil.upstream("users") == "users"
    assert veil.upstream("https://public.test") == "https://public.test"


def test_a_url_that_a_variable_holds_is_hidden_with_its_path(plan_of) -> None:
    """The path of a web hook is its secret: of a URL that begins with one only what follows it is shown."""
    plan = plan_of(
        "endpoints: {GET /a: {call: 'POST ${HOOK}/send'}}", {"HOOK": "https://Hooks.test:443/services/T0/B0"}
    )
    assert shown(plan).line == "POST https://********/********/send"
