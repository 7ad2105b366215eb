"""Calls: where they go, what they send, and which keys mean something where."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from aggregator.config.loading import load_config
from aggregator.errors import ConfigError

Say = Callable[..., list[str]]


BODY = "a GET request with a body is refused or misread by many servers"


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("users:/users", []),
        ("POST shop:/orders", []),
        ("https://api.example.org/users?limit=5", []),
        ("user:/users", ["unknown-upstream ‹user› there is no upstream `user`"]),
        ("{url: POST users:/users, method: POST}", []),
        ("{url: POST users:/users, method: PUT}", ["two-methods ‹PUT› the URL says POST and `method` says PUT"]),
        ("{url: users:/users, method: GET, json: {}}", [f"~body-of-get ‹json› {BODY}"]),
        ("{url: users:/users, json: {}}", []),
        (
            "{url: users:/users, body: hello}",
            ["~no-content-type ‹body› the upstream is not told what kind of text this is"],
        ),
        ("{url: users:/users, body: hello, headers: {Content-Type: text/plain}}", []),
        (
            "{url: users:/users, form: {}, forward: {body: true}}",
            ["call-body ‹true› the call has `form` and passes the client's body on"],
        ),
        ("{url: users:/users, needs: [x]}", ["no-effect ‹needs› `needs` has no effect on a single call"]),
    ],
)
def test_single_calls(say: Say, call: str, said: list[str]) -> None:
    """A call names an upstream that exists, one method and one body."""
    assert say(f"PUT /users: {{call: {call}}}" if call[0] == "{" else f"PUT /users: {{call: '{call}'}}") == said


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("users:/users/{id}", []),
        ("users:/users/{query.id}", ["~may-be-missing ‹query.id› the call fails when the client sends no `id`"]),
        ("users:/users/{query.sure}/{query.given}", []),
        (
            "users:/users/{query.maybe}",
            ["~may-be-missing ‹query.maybe› the call fails when the client sends no `maybe`"],
        ),
        ("users:/users/{query.oher}", ["unknown-field ‹query.oher› the query parameter `oher` is not declared"]),
        ("users:/users/{query}", ["not-a-value ‹query› `{query}` is not a single value"]),
        ("users:/users/{request.id}", []),
        ("users:/users/{headers.x-id}", []),
        (
            "users:/users/{headers.x_id}",
            ["~header-name ‹headers.x_id› the header `x_id` has an underscore, which names of headers do not have"],
        ),
    ],
)
def test_placeholders(say: Say, url: str, said: list[str]) -> None:
    """A placeholder is one value, and better one that is always there."""
    declared = "query: {sure: {type: integer, required: true}, given: {type: integer, default: 1}, maybe: integer}"
    declared = declared if "query." in url and "query.id" not in url else "summary: x"
    assert say(f"GET /users/{{id}}:\n  {declared}\n  call: {url}") == said


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("users:/users/{user.id}/{calls.user.status}", []),
        ("users:/users/{calls.user}", ["not-a-value ‹calls.user› `{calls.user}` is not a single value"]),
        (
            "users:/users/{calls.user.headers}",
            ["not-a-value ‹calls.user.headers› `{calls.user.headers}` is not a single value"],
        ),
        ("users:/users/{user}", []),
    ],
)
def test_placeholders_of_results(say: Say, url: str, said: list[str]) -> None:
    """A whole result may be one value; the whole of a call never is."""
    assert say(f"GET /me:\n  fan_out:\n    user: users:/me\n    more: {url}") == said


def test_background_has_no_body_of_response_in_a_url(say: Say) -> None:
    """The headers of an answer are not one value either."""
    assert say("GET /me:\n  call: users:/me\n  background: 'POST shop:/seen/{response.status}/{response.headers}'") == [
        "not-a-value ‹response.headers› `{response.headers}` is not a single value"
    ]


@pytest.mark.parametrize(
    ("endpoint", "said"),
    [
        ("GET /a: {call: users:/me, forward: {body: true}}", "body-of-get ‹true› a GET request has no body to pass on"),
        (
            "GET /a: {call: users:/me, background: {url: users:/x, optional: true}}",
            "no-effect ‹optional› `optional` has no effect in `background`, whose results nobody reads",
        ),
        (
            "GET /a: {call: users:/me, background: {race: [users:/x]}}",
            "no-effect ‹race› `race` has no effect in `background`, whose results nobody reads",
        ),
        (
            "GET /a: {call: {url: users:/me, fallback: [{url: shop:/me, optional: true}]}}",
            "no-effect ‹optional› `optional` has no effect in an alternative; write it on the call itself",
        ),
        (
            "GET /a: {fan_out: {x: {race: [{url: users:/me, needs: [y]}, shop:/me]}, y: shop:/y}}",
            "no-effect ‹needs› `needs` has no effect in a race; write it on the part itself",
        ),
        (
            "GET /a: {fan_out: {x: {fan_out: {y: shop:/y}, headers: {a: b}}}}",
            "no-effect ‹headers› `headers` has no effect beside `fan_out`",
        ),
        (
            "GET /a: {fan_out: {u: users:/me, x: {url: 'shop:/{item}', for_each: '{{ u.x }}', fallback: [shop:/x]}}}",
            "no-effect ‹fallback› `fallback` has no meaning with `for_each`",
        ),
        (
            "GET /a: {call: {url: users:/me, default: {}}}",
            "default-without-optional ‹default› `default` has no effect: `call` fails the answer when it fails",
        ),
    ],
)
def test_keys_without_effect(say: Say, endpoint: str, said: str) -> None:
    """A key that does nothing where it stands was meant otherwise."""
    assert say(endpoint)[:1] == [said]


@pytest.mark.parametrize(
    "parts",
    ["p: {fan_out: {y: shop:/y}, fallback: [shop:/z]}", "p: {url: shop:/y, fallback: [{fan_out: {z: shop:/z}}]}"],
)
def test_a_group_as_an_alternative(tmp_path: Path, parts: str) -> None:
    """Alternatives are single calls; the hint says how a whole group takes the place of another."""
    file = tmp_path / "routes.yaml"
    around = "version: 1\nupstreams: {shop: {url: https://s.example.com}}\n"
    file.write_text(f"{around}endpoints: {{GET /a: {{fan_out: {{{parts}}}}}}}\n", encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_config(file, {})
    [problem] = caught.value.diagnostics
    assert "`when: \"{{ calls.NAME.state == 'default' }}\"`" in (problem.hint or "")


def test_a_default_for_what_is_skipped(say: Say) -> None:
    """A part with a condition has its default when it is skipped."""
    assert say("GET /a: {fan_out: {x: {url: users:/me, when: '{{ query.x == 1 }}', default: {}}}}") == []


@pytest.mark.parametrize(
    ("success", "said"),
    [
        ("[2xx, 404, '304']", []),
        ("[]", ["bad-status ‹[]› no status would be a success"]),
        ("[200, 2x]", ["bad-status ‹2x› this is not a status or a class of statuses"]),
        ("[700]", ["bad-status ‹700› this is not a status or a class of statuses"]),
    ],
)
def test_success(say: Say, success: str, said: list[str]) -> None:
    """What counts as success is a list of statuses and classes."""
    assert say(f"GET /a: {{call: {{url: users:/me, success: {{status: {success}}}}}}}") == said


@pytest.mark.parametrize(
    ("each", "url", "said"),
    [
        ("'{{ user.ids }}'", "shop:/x/{item}", []),
        ("'{{ user.ids }}'", "shop:/x", ["~same-for-each ‹for_each› the call is the same for every item"]),
        ("{in: '{{ user.ids }}', batch: {key: id}}", "shop:/x?ids={keys}", []),
        (
            "{in: '{{ user.ids }}', batch: {key: id}}",
            "shop:/x",
            ["batch-without-keys ‹batch› the batch call does not say which keys it is for"],
        ),
        (
            "{in: '{{ user.ids }}', batch: {key: a..b, path: '.x'}}",
            "shop:/x?ids={keys}",
            ["bad-path ‹.b› a path needs a name here", "bad-path ‹.x› a path needs a name here"],
        ),
    ],
)
def test_calls_for_each(say: Say, each: str, url: str, said: list[str]) -> None:
    """A call for each item says which item, a batch says where its keys go."""
    assert say(f"GET /a: {{fan_out: {{user: users:/me, x: {{url: '{url}', for_each: {each}}}}}}}") == said


BATCH = """\
version: 1
upstreams:
  users: {url: https://users.example.com}
  shop:
    url: https://shop.example.com
    batch: {"/p/{sku}": "/p?ids={keys}", "/{kind}/x/{id}": "/x?ids={keys}", "p{": "/q"}
"""


@pytest.mark.parametrize(
    ("url", "is_found"),
    [
        ("shop:/p/{item.sku}", True),
        ("shop:/p/{item.sku}?a=1", True),
        ("shop:/p/{user.id}?i={item}", False),
        ("shop:/q/{item}", False),
    ],
)
def test_batch_forms(say: Say, url: str, is_found: bool) -> None:
    """One call for each item is pointed out where the upstream declares a path for many."""
    said = say(f"GET /a: {{fan_out: {{user: users:/me, x: {{url: '{url}', for_each: '{{{{ user.list }}}}'}}}}}}", BATCH)
    assert said[:2] == [
        "bad-batch ‹p{› a path starts with `/`",
        "bad-batch ‹/q› the batch form is a path that says where the keys go",
    ]
    assert said[2:] == [f"~n-plus-one ‹{url}› one call for each item, although `shop` takes many at once"] * is_found


@pytest.mark.parametrize(
    ("stream", "said"),
    [
        ("call: users:/file", []),
        ("fan_out: {x: users:/file}", ["stream ‹true› only the body of a single `call` can be streamed"]),
        (
            "call: users:/file\n  body: {type: object}",
            ["stream ‹body› the body of a streaming endpoint is not read, so it cannot be checked"],
        ),
        (
            "call: {url: users:/file, success: {when: '{{ this.body.ok }}'}}",
            ["stream ‹{{ this.body.ok }}› the body of a stream is not read, so it cannot be judged"],
        ),
        ("call: {url: users:/file, redirects: 3}", ["stream ‹redirects› `redirects` has no effect on a stream"]),
        (
            "call: {url: users:/file, query: {a: '{{ body.a }}'}}",
            ["stream ‹body› the body of a streaming endpoint is not read"],
        ),
    ],
)
def test_streams(say: Say, stream: str, said: list[str]) -> None:
    """A streamed answer is one plain call whose body nobody looks into."""
    assert say(f"POST /file:\n  stream: true\n  {stream}") == said


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ("max_body: 1MB", []),
        ("max_body: 9MiB", ["no-effect ‹9MiB› no more than 8MiB is taken from this upstream"]),
        ("timeout: 2s", []),
        ("timeout: {total: 2s, connect: 1s}", ["no-effect ‹connect› a call has no `connect` limit of its own"]),
        ("timeout: {read: 1s}", ["no-effect ‹read› a call has no `read` limit of its own"]),
    ],
)
def test_limits_that_belong_to_the_upstream(say: Say, keys: str, said: list[str]) -> None:
    """A call may take less than its upstream sends, never more; phases of a connection are not a call's."""
    assert say(f"GET /a: {{call: {{url: users:/me, {keys}}}}}") == said


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("{url: 'users:/me?a=1', query: {b: 2}}", []),
        ("{url: 'users:/me?a=1&b=2', query: {b: 2}}", ["two-values ‹b› `b` is in the URL and in `query`"]),
        ("{url: 'users:/me?%61={query.x}', query: {a: 2}}", ["two-values ‹a› `a` is in the URL and in `query`"]),
    ],
)
def test_a_parameter_is_said_once(say: Say, call: str, said: list[str]) -> None:
    """The URL and `query` of one call do not both set a query parameter."""
    assert [line for line in say(f"GET /a: {{call: {call}}}") if line.startswith("two")] == said


@pytest.mark.parametrize(
    ("call", "marked"),
    [
        ("headers: {content-type: text/xml}, body: '<a>{{ body.a }}</a><b>{{ body.b | xml_escape }}</b>'", "body.a"),
        ("headers: {content-type: application/soap+xml}, body: '{{ body.a }}{{ body.b }}'", "body.a body.b"),
        ("body: '<a n=\"{{ body.a | upper }}\"/>'", "body.a | upper"),
        ('headers: {content-type: application/json}, body: \'{"a": "{{ body.a }}"}\'', "body.a"),
        ("headers: {content-type: application/json}, body: '{\"a\": {{ body.a | tojson }}}'", ""),
        ("body: '[\"{{ body.a }}\", {{ body.b | int }}]'", "body.a"),
        ("body: 'a={{ body.a }}&b={{ body.b | urlencode }}'", "body.a"),
        ("headers: {content-type: text/plain}, body: '<a>{{ body.a }}</a>'", ""),
        ("headers: {content-type: text/xml}, body: '{{ body.a }}'", ""),
        ("body: 'Dear {{ body.a }}, 1 < 2'", ""),
    ],
)
def test_expressions_that_nothing_escapes(say: Say, call: str, marked: str) -> None:
    """What a text puts into markup, JSON or a form as it is could add to it: the filter for it is named."""
    found = [
        line for line in say(f"POST /x: {{call: {{url: 'users:/x', method: POST, {call}}}}}") if "unescaped" in line
    ]
    assert " ".join(line.partition("{{ ")[2].partition(" }}")[0] for line in found) == marked


def test_static_markup_is_held_against_the_same_rule(say: Say) -> None:
    """A static page with a parameter in it warns; text in JSON, which is the default, is data."""
    page = "GET /x/{n}: {respond: {headers: {content-type: text/html}, body: '<b>{{ n }}</b>'}}"
    assert say(page) == ["~unescaped ‹{{ n }}› this is written into markup as it is, and can add to it"]
    assert say("GET /x/{n}: {respond: {body: '<b>{{ n }}</b>'}}") == []


def test_markup_made_of_calls_is_held_against_the_same_rule(say: Say) -> None:
    """A page of what calls gave warns as a static one does."""
    page = "GET /x/{n}: {call: 'users:/x', response: {headers: {content-type: text/html}, body: '<b>{{ n }}</b>'}}"
    assert say(page) == ["~unescaped ‹{{ n }}› this is written into markup as it is, and can add to it"]
    assert say("GET /x/{n}: {call: 'users:/x', response: {body: '<b>{{ n }}</b>'}}") == []


@pytest.mark.parametrize(
    ("status", "on", "said"),
    [
        (201, "success", []),
        (201, "always", []),
        (503, "failure", []),
        (201, "failure", ["the answer, with status 201, is always a success"]),
        (404, "success", ["the answer, with status 404, is always a failure"]),
    ],
)
def test_background_calls_of_static_answers(say: Say, status: int, on: str, said: list[str]) -> None:
    """A static answer has one status: a call that waits for another one is never made."""
    effect = f"{{on: {on}, method: POST, url: users:/seen}}"
    told = say(f"GET /a: {{respond: {{status: {status}, body: 1}}, background: {effect}}}")
    assert told == [f"no-effect ‹on› this call is never made: {line}" for line in said]


def test_a_raw_path_without_a_value_in_it(say: Say) -> None:
    """``raw_path`` speaks of values in the path of the URL; without one it is an error."""
    assert say("GET /x/{n}: {call: {url: 'users:/x/{n}', raw_path: true}}") == []
    assert say("GET /x/{n}: {call: {url: 'users:/x?n={n}', raw_path: true}}") == [
        "no-effect ‹raw_path› no value stands in the path of this URL"
    ]


@pytest.mark.parametrize(
    ("value", "warned"),
    [
        ("{{ book.author }}", True),
        ("{{ calls.book.body.author }}", True),
        ("{{ book.author | required }}", False),
        ("{{ book.author | default(null) }}", False),
        ("{{ calls.book.headers.etag }}", False),
        ("{{ query.author }}", False),
        ("all", False),
    ],
)
def test_a_parameter_that_may_be_left_out(say: Say, value: str, warned: bool) -> None:
    """Without its value a call would ask for everything; what the client may leave out is meant so."""
    told = say(f"GET /a: {{fan_out: {{book: users:/me, x: {{url: users:/b, query: {{author: '{value}'}}}}}}}}")
    said = f"~may-be-left-out ‹{value}› without a value, `author` is left out, and the call asks for all"
    assert told == [said] * warned


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("form: {a: 1, b: [x, true], c: '{{ body }}', d: null}", []),
        ("form: {d: {x: 1}}", ["call-body ‹{x: 1}› a field of a form is a text, a number or a boolean"]),
        ("form: {d: [1, [2]]}", ["call-body ‹[2]› a field of a form is a text, a number or a boolean"]),
        ("query: {a: 1, b: [x, true], c: '{{ body }}', d: null}", []),
        ("query: {d: {x: 1}}", ["query-value ‹{x: 1}› a query parameter is a text, a number or a boolean"]),
        ("query: {d: [1, [2]]}", ["query-value ‹[2]› a query parameter is a text, a number or a boolean"]),
        ("multipart: {d: {content: x, content_type: image/png}}", []),
        ("multipart: {d: {content: x, content_type: '{{ body.type }}'}}", []),
        ("multipart: {d: {content: x, content_type: nope}}", ["call-body ‹nope› this is not a media type"]),
        ("multipart: {d: [{content: x, content_type: 7}]}", ["call-body ‹7› this is not a media type"]),
    ],
)
def test_a_field_that_can_never_be_sent(say: Say, body: str, said: list[str]) -> None:
    """What would be 502 for every request is an error of the file."""
    assert say(f"POST /a: {{call: {{url: POST users:/a, {body}}}}}") == said
