"""A value of another kind than its setting: the form that was probably meant, which is right when it is followed."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from aggregator.config.model.endpoint import EndpointSettings
from aggregator.config.model.root import RootSettings
from aggregator.config.validation.wording import findings_of

A_KIND = "write its kind below it, as in `api_key: {header: x-api-key, keys: {file: secrets/partners.yaml}}`"
_JWT = "jwt: {issuer: https://id.example.com, jwks: https://id.example.com/keys, audience: shop}"
A_JWT = f"write its kind below it, as in `{_JWT}`"
PAIRS = "write a `key: value` for each"
SEVERAL = "a call has one URL; several calls stand under `fan_out`, each with a name"
UPSTREAM = 'auth: {bearer: "${API_TOKEN}"}'
OF_CALLERS = (
    f"write as whom it is called: `{UPSTREAM}`; schemes of callers stand at endpoints, and their credential goes on by "
    "`forward: {auth: true}`"
)
ENDPOINTS = 'write it like `endpoints: {"GET /users/{id}": {call: "users:/users/{id}"}}`'
GOES_ON = "say what goes on: `{headers: [authorization], query: [page], body: true}`, or less of it"
SCHEMES = "write it like `auth: {partners: {api_key: {header: x-api-key, keys: {file: secrets/partners.yaml}}}}`"
SECTIONS = ("auth", "endpoints", "groups", "plugins", "server", "store", "telemetry", "upstreams")


def told(at: str, value: Any) -> list[tuple[str, str | None]]:
    """Return message and hint of everything that is wrong where *value* stands *at* a place of a file or an endpoint."""
    top, *steps = at.split(".")
    model = RootSettings if top in SECTIONS else EndpointSettings
    whole: dict[str, Any] = {"version": 1} if top in SECTIONS else {"call": "u:/"}
    if steps and top in ("call", "upstreams"):
        whole[top] = {"call": {"url": "u:/"}, "upstreams": {"a": {"url": "http://a"}}}[top]
    inner = whole
    for key in [top, *steps][:-1]:
        inner = inner.setdefault(key, {})
    inner[[top, *steps][-1]] = value
    with pytest.raises(ValidationError) as caught:
        model.model_validate(whole)
    return [(one.message, one.hint) for one in findings_of(caught.value, model, (), whole)]


@pytest.mark.parametrize(
    ("at", "value", "expected", "hint"),
    [
        ("call.body", {"a": 1}, "text, found a mapping", "write it under `json`; `body` is text"),
        ("call.body", [1], "text, found a list", "write it under `json`; `body` is text"),
        ("summary", {"a": 1}, "text, found a mapping", "write text"),
        ("summary", ["a"], "text, found a list", "write text"),
        ("summary", False, "text, found false", 'write it in quotes: `"false"`'),
        ("summary", 1.5, "text, found the number 1.5", 'write it in quotes: `"1.5"`'),
        ("store.url", True, "text, found true", 'write it in quotes: `"true"`'),
        ("store", ["redis://a"], "text, found a list", "write it like `url: redis://cache.internal:6379/0`"),
        ("plugins", [5], "text, found the number 5", 'write it in quotes: `"5"`'),
        ("call.when", True, "an expression, found true", 'write it in braces: `"{{ true }}"`'),
        ("call.when", 1, "an expression, found the number 1", 'write it in braces: `"{{ 1 }}"`'),
        ("call.when", [], "an expression, found a list",
         'write one in braces, as in `when: "{{ user.active }}"`'),
        ("hidden", "${X}", "true or false, found another value in a variable",
         "give the variable true or false as its value"),
        ("server.port", "8000x", "a whole number, found text", "write a whole number"),
        ("server.port", None, "a whole number, found nothing",
         "write a value behind the colon, or remove the key"),
        ("concurrency", "5/s", "a whole number, found text",
         "`concurrency` counts what is under way at once; how often is said by `rate_limit: 5/s`"),
        ("concurrency.limit", "5/s", "a whole number, found text",
         "`concurrency` counts what is under way at once; how often is said by `rate_limit: 5/s`"),
        ("concurrency", "many", "a whole number, found text", "write a whole number, such as `5`"),
        ("status_map", {404: {"status": "gone"}}, "a whole number, found text",
         "write a status, such as `502`, or a row: `{detail: gone}`"),
    ],
)  # fmt: skip
def test_where_a_scalar_is_expected(at: str, value: Any, expected: str, hint: str) -> None:
    """It is written in quotes, in braces, as another key, or like the example of the setting."""
    assert told(at, value) == [(f"expected {expected}", hint)]


@pytest.mark.parametrize(
    ("at", "value", "found", "hint"),
    [
        ("tags", True, "true", "name each one that goes on, as in `tags: [page]`"),
        ("forward.headers", True, "true",
         "name each one that goes on, as in `headers: [authorization, accept-language]`"),
        ("forward.query", False, "false", "name each one that goes on, as in `query: [page, sort]`"),
        ("tags", {"a": 1}, "a mapping", "write it as the item of a list: `- {a: 1}`"),
        ("tags", "a, b", "text", 'write `["a, b"]`'),
        ("tags", 5, "the number 5", "write `[5]`"),
        ("tags", 1.5, "the number 1.5", "write `[1.5]`"),
        ("tags", "-a -b", "text", "write a space behind each dash: `- a`"),
        ("tags", "${X}", "another value in a variable", "give the variable a list as its value"),
        ("tags", None, "nothing", "write a value behind the colon, or remove the key"),
        ("shadow", "u:/x", "text", "write `[u:/x]`"),
        ("plugins", {"a": 1}, "a mapping", "write it as the item of a list: `- {a: 1}`"),
        ("upstreams.a.hosts", "http://a", "text", "write `[http://a]`"),
    ],
)  # fmt: skip
def test_where_a_list_is_expected(at: str, value: Any, found: str, hint: str) -> None:
    """What stands there becomes its only item, and a switch is replaced by names."""
    assert told(at, value) == [(f"expected a list, found {found}", hint)]


@pytest.mark.parametrize(
    ("at", "value", "hint"),
    [
        ("call.success", ["200", "2xx"], "write `status: [200, 2xx]` below it"),
        ("call.success", [200], "write `status: [200]` below it"),
        ("call.success", [200, {"a": 1}], PAIRS),
        ("call.success", [True], PAIRS),
        ("call.success", [], PAIRS),
        ("call.headers", [{"name": "a", "value": "b"}, {"key": "c", "value": "d"}], "write `{a: b, c: d}`"),
        ("call.headers", [{"name": "a", "value": "b"}, {"name": "a", "value": "b", "x": 1}],
         "write each name as a key: `a:`"),
        ("call.headers", [{"a": "b"}, {"c": "d"}], "leave the dashes out: `a:` is a key, not an item of a list"),
        ("call.headers", [{"a": "b"}, {}], PAIRS),
        ("call.headers", [], PAIRS),
        ("call.headers", ["x-a: b", "x-c:  d e"], "write `{x-a: b, x-c: d e}`"),
        ("call.headers", ["x-a: b", "c"], PAIRS),
        ("call.headers", ["x-a: b", 5], PAIRS),
        ("call", [{"url": "u:/"}], "leave the dashes out: `url:` is a key, not an item of a list"),
        ("call", [{"url": "u:/"}, {"zzz": "u:/"}], SEVERAL),
        ("call", [5], SEVERAL),
        ("call", [], SEVERAL),
        ("fan_out", [{"a": "u:/"}], "leave the dashes out: `a:` is a key, not an item of a list"),
        ("fan_out", [5], PAIRS),
        ("fan_out", ["u:/a", 5], "give each of them a name: `first: u:/a`"),
        ("status_map", [[1]], PAIRS),
        ("auth.a", ["a"], A_KIND),
        ("respond", ["x"], PAIRS),
        ("query", ["a"], "write it like `query: {page: {type: integer, default: 1}}`"),
        ("call.retry", [503], "write it like `retry: 2`"),
        ("groups.g", [], "give each call of the group a name: `{first: []}`"),
        ("groups", ["g"], PAIRS),
        ("endpoints", [{"path": "/a", "method": "get"}], "an endpoint is a key, its method and path: `GET /a:`"),
        ("endpoints", [{"route": "a", "verb": "POST"}], "an endpoint is a key, its method and path: `POST /a:`"),
        ("endpoints", [{"method": "PUT", "endpoint": "//x", "path": 5}],
         "an endpoint is a key, its method and path: `PUT /x:`"),
        ("endpoints", [{"uri": "/a"}, 5], "an endpoint is a key, its method and path: `GET /a:`"),
        ("endpoints", [{"method": "POST"}], "leave the dashes out: `method:` is a key, not an item of a list"),
        ("endpoints", [], ENDPOINTS),
        ("endpoints", [5, {"path": "/a"}], ENDPOINTS),
        ("upstreams", [{"a": {}}], "leave the dashes out: `a:` is a key, not an item of a list"),
        ("upstreams", ["http://a"], PAIRS),
        ("upstreams.a", ["http://a"], "write `hosts: [http://a]` below it"),
        ("upstreams.a", ["http://a", "http://b"], "write `hosts: [http://a, http://b]` below it"),
        ("upstreams.a", [5], PAIRS),
        ("upstreams.a.auth", ["bearer"], f"write it like `{UPSTREAM}`"),
        ("server", [{"port": 1}, {"host": "a"}], "leave the dashes out: `port:` is a key, not an item of a list"),
        ("server", [{"port": 1}, {"hst": "a"}], PAIRS),
        ("server.cors", ["*"], "write it like `cors: {origins: [https://shop.example.com]}`"),
        ("auth", ["a"], SCHEMES),
        ("response.headers", ["a"], PAIRS),
    ],
)  # fmt: skip
def test_where_a_mapping_is_expected_and_a_list_found(at: str, value: Any, hint: str) -> None:
    """The dashes go, or the items get a key or names."""
    assert told(at, value) == [("expected a mapping, found a list", hint)]


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        (["a"], "write `auth: a`"),
        (["a", "b"], "write `auth: {any: [a, b]}` for one of them, `{all: …}` for every one"),
        ([{"a": 1}], "write it like `auth: customers`"),
    ],
)
def test_a_list_of_schemes_is_one_of_them_or_all(value: Any, hint: str) -> None:
    """A list says neither."""
    whole = {"call": "u:/", "auth": value}
    with pytest.raises(ValidationError) as caught:
        EndpointSettings.model_validate(whole)
    assert [one.hint for one in findings_of(caught.value, EndpointSettings, (), whole)] == [hint]


@pytest.mark.parametrize(
    ("at", "value", "found", "hint"),
    [
        ("call.success", True, "true", PAIRS),
        ("call.success", 1.5, "the number 1.5", PAIRS),
        ("call.success", "2xx", "text", "write `status: [2xx]` below it"),
        ("call.success", "{{ a }}", "text", 'write `when: "{{ a }}"` below it'),
        ("call", 5, "the number 5", "write `url: users:/users/{user_id}` below it"),
        ("call.headers", "x", "text", PAIRS),
        ("fan_out", "url:x", "text", PAIRS),
        ("forward", True, "true", GOES_ON),
        ("forward", False, "false", "write `body: false` below it"),
        ("response", 5, "the number 5", "write `body: 5` below it"),
        ("response", "body:x", "text", "write `body: x`, with a space behind the colon"),
        ("response.headers", True, "true", PAIRS),
        ("respond", "x", "text", "write `body: x` below it"),
        ("respond", 5, "the number 5", "write `body: 5` below it"),
        ("status_map", ["404"], "text", "write what it becomes, as in `{on: 404, status: 502}`"),
        ("status_map", ["timeout"], "text", "write what it becomes, as in `{on: timeout, status: 502}`"),
        ("server.errors", [404], "the number 404", "write what it becomes, as in `{on: 404, status: 502}`"),
        ("server.errors", ["5xx"], "text", "write what it becomes, as in `{on: 5xx, status: 502}`"),
        ("server.errors", {"404": "gone"}, "text", "write `body: gone` below it"),
        ("background", 5, "the number 5", "write `url: users:/users/{user_id}` below it"),
        ("background", [5], "the number 5", "write `url: users:/users/{user_id}` below it"),
        ("shadow", ["u:/x"], "text", "write `url: u:/x` below it"),
        ("shadow", ["POST u:/x"], "text", "write `url: POST u:/x` below it"),
        ("upstreams.a", "a.example.com", "text", "write `url: https://a.example.com` below it"),
        ("upstreams.a", "a:8080", "text", "write `url: http://a:8080` below it"),
        ("upstreams.a", "ftp://a", "text", "write `url: ftp://a` below it"),
        ("upstreams.a", 5, "the number 5", "write `url: https://api.example.com/v2` below it"),
        ("upstreams.a", True, "true", "write `url: https://api.example.com/v2` below it"),
        ("upstreams.a.auth", "basic", "text", f"write it like `{UPSTREAM}`"),
        ("upstreams.a.auth", "partners", "text", OF_CALLERS),
        ("upstreams.a.auth", 5, "the number 5", f"write it like `{UPSTREAM}`"),
        ("upstreams.a.headers", True, "true", 'write it like `headers: {x-api-key: "${API_KEY}"}`'),
        ("groups.g", 5, "the number 5", "give each call of the group a name: `{first: 5}`"),
        ("groups.g.a", 5, "the number 5", "write `url: users:/users/{user_id}` below it"),
        ("endpoints", "x", "text", ENDPOINTS),
        ("auth.a", "jwt", "text", A_JWT),
        ("auth.a.external", "a.example.com", "text", "write `url: https://a.example.com` below it"),
        ("server", "x", "text", PAIRS),
        ("server", "port:8000", "text", "write `port: 8000`, with a space behind the colon"),
        ("server", "prt:8000", "text", PAIRS),
        ("server.limits", 5, "the number 5", PAIRS),
        ("telemetry", True, "true", PAIRS),
    ],
)  # fmt: skip
def test_where_a_mapping_is_expected_and_a_scalar_found(at: str, value: Any, found: str, hint: str) -> None:
    """It becomes the value of the key that it was probably meant for."""
    assert told(at, value) == [(f"expected a mapping, found {found}", hint)]
