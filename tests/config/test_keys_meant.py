"""A key that does not exist: another spelling, another place, or the word of another tool, whatever its value is."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from aggregator.config.model.endpoint import EndpointSettings
from aggregator.config.model.root import RootSettings
from aggregator.config.validation.wording import findings_of
from aggregator.fields import Settings

IN_ENDPOINT = "allowed here: call, fan_out, respond, summary, description, tags, operation_id, deprecated, …"
AT_TOP = "allowed here: version, include, server, client, defaults, auth, upstreams, groups, …"
LIMITS = (
    "connections are limited by `limits` of an upstream, those of clients by that of `server`; requests by `rate_limit`"
)
NETWORKS = "write `allow_from: [10.0.0.0/8]` or `deny_from` into the endpoint"
DEEPER, OUTER, INNER = "write it under `routes`", "further out", "further in"


def told(model: type[Settings], whole: Any) -> list[tuple[str, str | None]]:
    """Return message and hint of everything that is wrong with *whole* as a *model*."""
    with pytest.raises(ValidationError) as caught:
        model.model_validate(whole)
    return [(one.message, one.hint) for one in findings_of(caught.value, model, (), whole)]


@pytest.mark.parametrize(
    ("key", "value", "beside", "hint"),
    [
        ("limit", "5/m", {}, "write it like `rate_limit: 5/m`"),
        ("limit", 5, {}, "write it under `concurrency`"),
        ("status_maps", {}, {}, "did you mean `status_map`?"),
        ("tag", "x", {}, "did you mean `tags`?"),
        ("Tags", ["x"], {}, "did you mean `tags`?"),
        ("timeouts", "3s", {}, "did you mean `timeout`?"),
        ("desc", "x", {}, "did you mean `description`?"),
        ("wat", "x", {}, IN_ENDPOINT),
        ("method", "POST", {}, "write it under `call`"),
        ("status", 200, {}, "write it under `respond` or `response`"),
        ("status", 200, {"response": {}}, "write it under `response`"),
        ("when", "x", {}, "write it under `call`"),
        ("select", "x", {}, "write it under `call`"),
        ("select", [], {}, IN_ENDPOINT),
        ("select", {}, {}, IN_ENDPOINT),
        ("allow", [], {}, NETWORKS),
        ("deny", True, {}, NETWORKS),
        ("race", {"a": "u:/"}, {}, IN_ENDPOINT),
        ("race", ["u:/"], {}, "write it under `call`"),
        ("GET /a", 1, {}, f"write it {OUTER}, right below `endpoints:`"),
        ("GET|POST /a", 1, {}, f"write it {OUTER}, right below `endpoints:`"),
    ],
)  # fmt: skip
def test_in_an_endpoint(key: str, value: Any, beside: dict[str, Any], hint: str) -> None:
    """What was meant follows from the key, from its value, and from what stands beside it."""
    assert told(EndpointSettings, {"call": "u:/", key: value, **beside}) == [(f"unknown key `{key}`", hint)]


@pytest.mark.parametrize(
    ("key", "value", "hint"),
    [
        ("limit", "5/m", LIMITS),
        ("if", "x", "did you mean `when`?"),
        ("operation_id", "x", "write it further out, beside `call`"),
    ],
)
def test_in_a_call(key: str, value: Any, hint: str) -> None:
    """A call has other settings than its endpoint."""
    assert told(EndpointSettings, {"call": {"url": "u:/", key: value}}) == [(f"unknown key `{key}`", hint)]


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("zzz", "allowed here: in, key, concurrency, max_items, on_error, join, batch"),
        ("summary", "write it further out, beside `call`"),
        ("optional", "write it further out, beside `for_each`"),
    ],
)
def test_far_below(key: str, hint: str) -> None:
    """The nearest mapping around the key that has it is named by what stands in it."""
    call = {"url": "u:/", "for_each": {"in": "{{ a }}", key: True}}
    assert told(EndpointSettings, {"call": call}) == [(f"unknown key `{key}`", hint)]


@pytest.mark.parametrize(
    ("key", "value", "hint"),
    [
        ("timeout", "3s", "write it under `client` or `defaults`"),
        ("routes", {}, "did you mean `endpoints`?"),
        ("routes", [], "did you mean `endpoints`?"),
        ("upstream", {}, "did you mean `upstreams`?"),
        ("ports", 80, AT_TOP),
        ("hide", True, "write it under `telemetry`"),
        ("hide", [], "write it under `telemetry`"),
        ("hide", {}, "write `hide: [body.password]` into `telemetry`; credentials are never shown"),
        ("docs", True, "write it under `server`"),
        ("docs", {"path": "/x"}, "write it under `server`"),
        ("docs", {"zzz": "/x"}, "write it under `server`"),
        ("access", True, AT_TOP),
        ("GET /a", {}, f"write it {INNER}, right below `endpoints:`"),
        ("ANY /a", {}, f"write it {INNER}, right below `endpoints:`"),
        ("GETS /a", {}, AT_TOP),
    ],
)
def test_at_the_top(key: str, value: Any, hint: str) -> None:
    """Sections that take such a value are named, and no others."""
    assert told(RootSettings, {"version": 1, key: value}) == [(f"unknown key `{key}`", hint)]


def test_endpoints_elsewhere_are_one_problem_each() -> None:
    """Beside `endpoints`, in `upstreams`, in a mock and in a virtual host: each is told where endpoints stand."""
    assert told(RootSettings, {"version": 1, "GET /a": {}, "POST /b": 5, "endpoints": None}) == [
        ("unknown key `GET /a`", f"write it {INNER}, right below `endpoints:`"),
        ("unknown key `POST /b`", f"write it {INNER}, right below `endpoints:`"),
    ]
    assert told(RootSettings, {"version": 1, "upstreams": {"GET /a": 5, "b": 5}}) == [
        ("`GET /a` is an endpoint, which does not belong into `upstreams`", "write it under `endpoints:`"),
        ("expected a mapping, found the number 5", "write `url: https://api.example.com/v2` below it"),
    ]
    mock = {"a": {"url": "http://a", "mock": {"GET /a": {}}}}
    assert told(RootSettings, {"version": 1, "upstreams": mock}) == [("unknown key `GET /a`", DEEPER)]
    host = {"endpoints": {}, "GET /a": {}}
    assert told(RootSettings, {"version": 1, "virtual_hosts": {"a.example": host}}) == [
        ("unknown key `GET /a`", f"write it {INNER}, right below `endpoints:`")
    ]


def test_the_list_of_a_call_for_each() -> None:
    """Its key is short, and people write what stands in it."""
    part = {"url": "u:/{item}", "for_each": {"items": "{{ other }}"}}
    found = told(EndpointSettings, {"fan_out": {"other": "u:/", "each": part}})
    assert found == [("unknown key `items`", "did you mean `in`?")]


@pytest.mark.parametrize(
    "settings", [{"fan_out": {"a": {"call": "u:/x"}, "b": "u:/y"}}, {"call": {"call": "u:/x"}},
                 {"call": "u:/x", "background": [{"call": "POST u:/x"}]}],
)  # fmt: skip
def test_a_call_within_a_call(settings: dict[str, Any]) -> None:
    """What stands in a part, in a call or after the answer is a call already; people write the word for its address."""
    assert told(EndpointSettings, settings) == [("unknown key `call`", "did you mean `url`?")]


def test_upstreams_as_a_list() -> None:
    """As other tools have them, each with its name inside."""
    found = told(RootSettings, {"version": 1, "endpoints": {}, "upstreams": [{"name": "a", "url": "http://a"}]})
    assert found == [("expected a mapping, found a list", "write each name as a key: `a:`")]


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("allow_origin", "origins"), ("allow_origins", "origins"), ("allowed_origins", "origins"),
        ("allow_methods", "methods"), ("allowed_headers", "headers"), ("expose_headers", "expose"),
        ("exposed_headers", "expose"), ("allow_credentials", "credentials"),
    ],
)  # fmt: skip
def test_words_of_other_tools_inside_of_cors(key: str, meant: str) -> None:
    """The key of this language, and not where `cors` stands: it stands there."""
    cors = {"origins": ["https://a.example"], key: ["x"]}
    assert told(RootSettings, {"version": 1, "server": {"cors": cors}}) == [
        (f"unknown key `{key}`", f"did you mean `{meant}`?")
    ]


@pytest.mark.parametrize(
    ("kind", "meant"),
    [
        ("key-auth", "api_key"), ("basic_auth", "basic"), ("oauth2", "jwt"), ("openid_connect", "jwt"),
        ("token", "jwt"), ("hmac", "signature"), ("webhook", "signature"), ("forward_auth", "external"),
    ],
)  # fmt: skip
def test_kinds_of_schemes_of_other_tools(kind: str, meant: str) -> None:
    """The kind of scheme that does the same, and not where schemes are declared: it stands there."""
    assert told(RootSettings, {"version": 1, "auth": {"a": {kind: {}}}})[0] == (
        f"unknown key `{kind}`", f"did you mean `{meant}`?",
    )  # fmt: skip


@pytest.mark.parametrize("key", ["secret", "public_key"])
def test_the_one_key_of_an_issuer_by_other_words(key: str) -> None:
    """What holds a public key or a shared secret is `key`."""
    jwt = {"issuer": "https://a.example", key: "x"}
    assert told(RootSettings, {"version": 1, "auth": {"a": {"jwt": jwt}}}) == [
        (f"unknown key `{key}`", "did you mean `key`?")
    ]


@pytest.mark.parametrize("key", ["code", "status_code"])
def test_the_status_of_a_row_by_other_words(key: str) -> None:
    """What a failure becomes is said here already."""
    endpoint = {"call": "u:/", "status_map": {404: {key: 400}}}
    assert (f"unknown key `{key}`", "did you mean `status`?") in told(EndpointSettings, endpoint)


@pytest.mark.parametrize(
    ("said", "rate"),
    [
        ({"limit": 10, "window": "60s"}, "10/60s"), ({"requests": 10, "per": "minute"}, "10/m"),
        ({"max_rate": 10, "every": "1m"}, "10/1m"), ({"limit": 10, "period": 60}, "10/60s"), ({"minute": 5}, "5/m"),
    ],
)  # fmt: skip
def test_a_rate_under_two_keys_is_one(said: dict[str, Any], rate: str) -> None:
    """The hint at either key is the whole rate, and right when it is followed."""
    hints = {f"write `rate: {rate}`"}
    assert {hint for _, hint in told(EndpointSettings, {"call": "u:/", "rate_limit": said})} == hints
    EndpointSettings.model_validate({"call": "u:/", "rate_limit": {"rate": rate}})


@pytest.mark.parametrize("said", [{"limit": 10}, {"limit": "x", "window": "60s"}, {"limit": 0, "window": "60s"}])
def test_what_makes_no_rate_is_no_rate(said: dict[str, Any]) -> None:
    """A number without its time, and what cannot be one."""
    found = told(EndpointSettings, {"call": "u:/", "rate_limit": said})
    assert {hint for _, hint in found} == {"did you mean `rate`?"}


@pytest.mark.parametrize("key", ["pass_query", "forward_headers"])
def test_what_goes_on_by_other_words(key: str) -> None:
    """What of the request goes upstream is said by `forward`."""
    assert told(EndpointSettings, {"call": {"url": "u:/", key: True}}) == [
        (f"unknown key `{key}`", "did you mean `forward`?")
    ]


@pytest.mark.parametrize("said", ["all", "query", ["query", "headers"]])
def test_what_goes_on_as_text_or_list(said: Any) -> None:
    """No name of anything is a body."""
    (found,) = told(EndpointSettings, {"call": {"url": "u:/", "forward": said}})
    assert found[1] == "say what goes on: `{headers: [authorization], query: [page], body: true}`, or less of it"


@pytest.mark.parametrize("key", ["signature", "webhook"])
def test_who_signs_is_said_as_any_other_caller(key: str) -> None:
    """A scheme of its own at the top, and its name in the endpoint."""
    ((_, hint),) = told(EndpointSettings, {"call": "u:/", key: {"secret": "x"}})
    assert hint is not None
    assert hint.startswith("say who may call by `auth: NAME` in the endpoint")
