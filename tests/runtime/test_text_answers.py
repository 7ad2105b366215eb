"""Answers that are text, however their content type is written, and answers that set several cookies."""

from __future__ import annotations

import httpx
import pytest

from aggregator.errors import ConfigError

KINDS = [
    "respond: {headers: {content-type: %s}, body: hi%s}",
    "call: a:/x, response: {headers: {content-type: %s}, body: hi%s}",
]
TEXT = ["text/plain", "Text/Plain; charset=utf-8", "text/html", "nonsense"]
JSON = ["application/json", "text/json", "TEXT/JSON; charset=utf-8", "application/hal+json"]


@pytest.mark.parametrize(
    "kind", [*KINDS, "call: a:/x, response: {headers: {content-type: %s}, body: hi%s, cache_control: no-store}"]
)
@pytest.mark.parametrize(
    "written", ["'%s'", "\"{{ query.no | default('%s') }}\"", "\"{{ '%s' }}\"", '"{{ query.kind }}"']
)
@pytest.mark.parametrize(("types", "body"), [(TEXT, "hi"), (JSON, '"hi"')])
def test_a_text_answer_is_the_same_however_its_type_is_written(serve, kind, written, types, body):
    """Literal or computed: what the client is told about the body decides whether a text stands in quotes."""
    for media in types:
        said = written % media if "%s" in written else written
        gateway = serve(f"endpoints: {{GET /x: {{{kind % (said, '')}}}}}", {"/x": {}})
        answer = gateway.get("/x", params={"kind": media})
        assert (answer.text, answer.headers["content-type"]) == (body, media)


@pytest.mark.parametrize(("media", "body"), [("text/plain", "hi"), ("application/json", '"hi"')])
def test_steps_over_a_body_leave_its_type_alone(serve, media, body):
    """A body that a plug-in, a shape or the client's fields may change is written under the type it has."""
    text = "endpoints: {GET /x: {call: a:/x, response: {headers: {content-type: '{{ query.kind }}'}, body: hi, fields: true}}}"
    assert serve(text, {"/x": {}}).get("/x", params={"kind": media}).text == body


def test_a_type_that_comes_to_nothing_is_json(serve):
    """A header whose value is null is left out, and what is sent then is JSON."""
    answer = serve("endpoints: {GET /x: {respond: {headers: {content-type: '{{ query.no }}'}, body: hi}}}", {}).get(
        "/x"
    )
    assert (answer.text, answer.headers["content-type"]) == ('"hi"', "application/json")


def test_digits_are_kept_where_the_type_is_computed(serve):
    """A body of JSON is written with every digit, also under a content type that only the request tells."""
    text = "endpoints: {GET /x: {call: a:/x, response: {headers: {content-type: '{{ query.kind }}'}, body: '{{ call }}', fields: true}}}"
    sent = httpx.Response(200, content=b'{"a":1.10}', headers={"content-type": "application/json"})
    assert serve(text, {"/x": sent}).get("/x", params={"kind": "application/json"}).text == '{"a":1.10}'


@pytest.mark.parametrize("kind", ["respond", "call: a:/x, response"])
def test_an_answer_sets_several_cookies(serve, kind):
    """A list under `set-cookie` is a line for each; what is null sets none (RFC 6265 §3)."""
    cookies = '["a=1; Path=/", "b={{ query.b }}", "{{ query.no }}"]'
    gateway = serve(f"endpoints: {{GET /x: {{{kind}: {{headers: {{set-cookie: {cookies}}}}}}}}}", {"/x": {}})
    assert gateway.get("/x", params={"b": "2"}).headers.get_list("set-cookie") == ["a=1; Path=/", "b=2"]


def test_cookies_are_a_list_that_is_computed(serve):
    """An expression that gives a list is one line for each element too."""
    text = "endpoints: {GET /x: {respond: {headers: {set-cookie: \"{{ ['a=1', 'b=2'] }}\"}}}}"
    assert serve(text, {}).get("/x").headers.get_list("set-cookie") == ["a=1", "b=2"]


@pytest.mark.parametrize(("kind", "body"), [("text/html", "hi"), ("application/json", '"hi"'), ("text/json", '"hi"')])
def test_the_body_of_a_row_fits_its_type_too(serve, kind, body):
    """A status map that says what its body is gets a body that is that."""
    text = (
        f"endpoints: {{GET /x: {{call: a:/x, status_map: {{404: {{body: hi, headers: {{content-type: {kind}}}}}}}}}}}"
    )
    assert serve(text, {}).get("/x").text == body


def test_a_request_body_may_be_text_json(serve):
    """`text/json` is JSON wherever somebody says it."""
    gateway = serve("endpoints: {POST /x: {body: {type: object}, respond: {body: '{{ body }}'}}}", {})
    answer = gateway.post("/x", content=b'{"a":1}', headers={"content-type": "text/json"})
    assert (answer.status_code, answer.json()) == (200, {"a": 1})


def test_cookies_in_a_list_are_checked_one_by_one(serve):
    """What cannot be sent, or cannot be computed, is found in a list as well."""
    with pytest.raises(ConfigError) as caught:
        serve('endpoints: {GET /x: {respond: {headers: {set-cookie: ["a=\\n", "{{ nope }}", [b]], x-list: [a]}}}}', {})
    assert sorted(problem.code for problem in caught.value.diagnostics) == [
        "header-value", "header-value", "header-value", "unknown-name",
    ]  # fmt: skip
