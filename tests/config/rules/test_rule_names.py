"""Names in expressions: what exists where, and what cannot."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from aggregator.config.loading import load_config
from aggregator.errors import ConfigError

Say = Callable[..., list[str]]


@pytest.mark.parametrize(
    "reads",
    [
        "{{ user_id }}",
        "{{ params.user_id }}",
        "{{ query.page }}",
        "{{ query['page-size'] }}",
        "{{ headers['x-id'] }}",
        "{{ headers.accept }}",
        "{{ request.method }} {{ request.path }} {{ request.id }} {{ request.client }}",
        "{{ user.name }}",
        "{{ calls.user.status }}",
        "{{ calls.user.body.name }}",
        "{{ calls['user'].headers['x-id'] }}",
        "{{ calls }}",
    ],
)
def test_what_an_answer_can_read(say: Say, reads: str) -> None:
    """An answer reads the request, the results of its parts, and the whole of each call."""
    assert (
        say(f'''\
GET /users/{{user_id}}:
  fan_out: {{user: "users:/users/{{user_id}}"}}
  response: {{body: "{reads}"}}''')
        == []
    )


@pytest.mark.parametrize(
    ("reads", "said"),
    [
        ("usr.name", "unknown-name ‹usr› there is no `usr` here"),
        ("user_id.name", "unknown-field ‹user_id.name› the path parameter `user_id` is a single value without fields"),
        ("params.id", "unknown-field ‹params.id› `params` has no field `id`"),
        ("request.url", "unknown-field ‹request.url› `request` has no field `url`"),
        ("calls.usr", "unknown-name ‹calls.usr› there is no call `usr` here"),
        ("calls.user.name", "unknown-field ‹calls.user.name› `calls.user` has no field `name`"),
        ("calls.user.headers.ETag", "header-name ‹calls.user.headers.ETag› headers are read in lower case"),
        ("headers['X-Id']", "header-name ‹headers['X-Id']› headers are read in lower case"),
        ("item.id", "unknown-name ‹item› there is no `item` here: it is known only in a call with `for_each`"),
        ("index", "unknown-name ‹index› there is no `index` here: it is known only in a call with `for_each`"),
        ("keys", "unknown-name ‹keys› there is no `keys` here: it is known only in a call with `for_each.batch`"),
        ("response.status", "unknown-name ‹response› there is no `response` here: it is known in `background` only"),
        ("call.id", "unknown-name ‹call› there is no `call` here: it is the result of a single `call`"),
        ("body.id", "unknown-name ‹body› a GET request has no body"),
    ],
)
def test_what_an_answer_cannot_read(say: Say, reads: str, said: str) -> None:
    """A name that cannot exist is an error that points at the name."""
    assert say(f"""\
GET /users/{{user_id}}:
  fan_out: {{user: "users:/users/{{user_id}}"}}
  response: {{body: "{{{{ {reads} }}}}"}}""") == [said]


def test_where_the_local_names_live(say: Say) -> None:
    """``item`` and ``index``, ``keys``, ``this`` and ``response`` are known where they have a value."""
    assert (
        say('''\
POST /orders:
  body: {type: object}
  fan_out:
    order:
      url: POST shop:/orders
      json: "{{ body }}"
      success: {when: "{{ this.body.ok }}"}
      select: "{{ this.body.order }}"
      status_map:
        409: {status: 409, detail: "{{ this.cause }} {{ this.headers['x-reason'] }}"}
    lines:
      url: shop:/products/{item.sku}?nr={index}
      for_each: {in: "{{ order.lines }}", key: "{{ item.sku }}"}
    stock:
      url: shop:/stock?ids={keys}
      for_each: {in: "{{ order.lines }}", key: "{{ item.sku }}", batch: {key: sku}}
  background:
    url: POST shop:/events
    json: {status: "{{ response.status }}", order: "{{ order.id }}", sent: "{{ response.body }}"}
    when: "{{ response.headers['x-kind'] == 'new' }}"''')
        == []
    )


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (
            'when: "{{ item.ok }}"',
            "unknown-name ‹item› there is no `item` here: it is known only in a call with `for_each`",
        ),
        (
            'default: "{{ item }}"',
            "unknown-name ‹item› there is no `item` here: it is known only in a call with `for_each`",
        ),
        ('query: {n: "{{ index.x }}"}', "unknown-field ‹index.x› `index` is a single value without fields"),
        (
            'query: {n: "{{ keys }}"}',
            "unknown-name ‹keys› there is no `keys` here: it is known only in a call with `for_each.batch`",
        ),
        ('success: {when: "{{ this.ok }}"}', "unknown-field ‹this.ok› `this` has no field `ok`"),
        ('select: "{{ this.headers.ETag }}"', "header-name ‹this.headers.ETag› headers are read in lower case"),
    ],
)
def test_local_names_out_of_place(say: Say, call: str, said: str) -> None:
    """The condition of a part is asked once for all items, so it knows of none of them."""
    assert say(f"""\
GET /orders/{{id}}:
  fan_out:
    order: shop:/orders/{{id}}
    lines:
      url: shop:/products/{{item.sku}}
      for_each: "{{{{ order.lines }}}}"
      optional: true
      {call}""") == [said]


def test_a_batch_has_no_item(say: Say) -> None:
    """One call for many keys is not about one of them."""
    assert say("""\
GET /orders/{id}:
  fan_out:
    order: shop:/orders/{id}
    lines:
      url: shop:/products?ids={keys}&first={item.sku}
      for_each: {in: "{{ order.lines }}", batch: {key: sku}}""") == [
        "unknown-name ‹item› there is no `item` here: it is known only in a call with `for_each`"
    ]


@pytest.mark.parametrize(
    ("declared", "reads", "said"),
    [
        (
            "query: {page: integer}",
            "query.pgae",
            ["unknown-field ‹query.pgae› the query parameter `pgae` is not declared"],
        ),
        ("query: {page: integer}", "query.page", []),
        ("query: {page: integer}\n  forward: {query: [sort]}", "query.sort", []),
        ("cookies: {sid: string}", "cookies.sid", []),
        ("cookies: {sid: string}", "cookies.sdi", ["unknown-field ‹cookies.sdi› the cookie `sdi` is not declared"]),
        ("summary: nothing declared", "cookies.anything", []),
        ("summary: nothing declared", "query.anything", []),
        (
            "body: {type: object, properties: {name: {}}, additionalProperties: false}",
            "body.nme",
            ["unknown-field ‹body.nme› `body` has no field `nme`"],
        ),
        (
            "body: {type: object, properties: {name: {}}}",
            "body.nme",
            ["~unknown-field ‹body.nme› the declared body has no property `nme`"],
        ),
        ("body: {type: object, properties: {name: {}}}", "body.other", []),
        ("headers: {x_id: string}", "headers.x_id", []),
        (
            "headers: {x-id: string}",
            "headers.x_id",
            ["~header-name ‹headers.x_id› the header `x_id` has an underscore, which names of headers do not have"],
        ),
    ],
)
def test_declared_inputs(say: Say, declared: str, reads: str, said: list[str]) -> None:
    """What an endpoint declares of its requests is all there is, unless it says otherwise."""
    assert (
        say(f"""\
POST /users:
  {declared}
  call: {{url: POST users:/users, json: {{x: "{{{{ {reads} }}}}"}}}}""")
        == said
    )


@pytest.mark.parametrize(
    ("endpoint", "call", "upstream", "defaults"),
    [
        ("forward: {query: [sort]}", "", "", ""),
        ("", ", forward: {query: [sort]}", "", ""),
        ("", "", ", forward: {query: [sort]}", ""),
        ("", "", "", "defaults: {forward: {query: [sort]}}\n"),
    ],
)
def test_a_query_parameter_that_is_passed_on_need_not_be_declared(
    say: Say, endpoint: str, call: str, upstream: str, defaults: str
) -> None:
    """Whoever passes it on: the endpoint, one of its calls, an upstream of theirs, the defaults."""
    around = f"version: 1\nupstreams: {{users: {{url: 'https://u.example.com'{upstream}}}}}\n"
    assert (
        say(
            f"""\
POST /users:
  query: {{page: integer}}
  {endpoint}
  call: {{url: POST users:/users, json: {{x: "{{{{ query.sort }}}}"}}{call}}}""",
            around,
            more=defaults,
        )
        == []
    )


def test_a_parameter_that_is_passed_on_may_be_missing_too(say: Say) -> None:
    """In a URL it has to have a value, whoever else wants it."""
    assert say("GET /users:\n  query: {page: integer}\n  forward: {query: [sort]}\n  call: users:/{query.sort}") == [
        "~may-be-missing ‹query.sort› the call fails when the client sends no `sort`"
    ]


def test_what_another_upstream_passes_on_has_to_be_declared(say: Say) -> None:
    """Only the upstreams that an endpoint calls speak for it."""
    around = (
        "version: 1\nupstreams:\n  users: {url: 'https://u.example.com'}\n"
        "  shop: {url: 'https://s.example.com', forward: {query: [sort]}}\n"
    )
    assert say('POST /users:\n  query: {page: integer}\n  call: {url: users:/, json: "{{ query.sort }}"}', around) == [
        "unknown-field ‹query.sort› the query parameter `sort` is not declared"
    ]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ('["{{ nobody }}", {deep: ["{{ user.name }}"]}]', ["unknown-name ‹nobody› there is no `nobody` here"]),
        ('"{{ 5 -nobody }}"', ["unknown-name ‹nobody› there is no `nobody` here"]),
        ('"{{ user.x-nobody.y }}"', ["unknown-name ‹nobody› there is no `nobody` here"]),
        ('{"{{ user.name }}": 1}', ["bad-expression ‹{{ user.name }}› a key cannot hold an expression"]),
        ("\"{{ (user).name }} {{ user [ 'x' ] }} {{ user.a.b[0].c }}\"", []),
    ],
)
def test_names_anywhere_in_a_value(say: Say, value: str, said: list[str]) -> None:
    """Lists and mappings are read through; the name is marked, also where `-` takes it away."""
    assert say(f"GET /x:\n  fan_out: {{user: users:/x}}\n  response:\n    body: {value}") == said


def test_conditions_are_one_expression(say: Say) -> None:
    """Text around an expression makes it text, which is always true."""
    assert say("""\
GET /x:
  fan_out:
    a: users:/a
    b: {url: users:/b, when: "{{ a.ok }} and more"}
    c: {url: users:/c, when: "{{ true }}"}
    d: {url: users:/d, when: "a.ok {"}""") == [
        "bad-expression ‹{{ a.ok }} and more› this has to be one expression",
        "bad-expression ‹a.ok {› this has to be one expression",
    ]


def test_a_wrong_template_of_a_group_is_told_once(say: Say) -> None:
    """An endpoint that takes in a group does not repeat what is wrong with it."""
    around = """\
version: 1
upstreams: {users: {url: https://u.example.com}}
groups: {g: {a: "users:/{b", b: {url: users:/b, when: "{{ a.", query: {q: "{{ a | nofilter }}"}}}}
"""
    assert [
        line.partition(" ")[0] for line in say("GET /x: {fan_out: {use: g}}\nGET /y: {fan_out: {use: g}}", around)
    ] == [
        "bad-url",
        "bad-expression",
        "bad-expression",
    ]


def test_graphql_variables(say: Say) -> None:
    """The text of an operation is sent as it stands; its variables are values like any other."""
    assert say("""\
POST /x:
  call:
    url: shop:/graphql
    graphql: {query: "query($id: ID!) { product(id: $id) { name } }", variables: {id: "{{ nobody.id }}"}}""") == [
        "unknown-name ‹nobody› there is no `nobody` here"
    ]


def test_shared_status_maps(say: Say) -> None:
    """A map that many endpoints share reads only what every request has."""
    around = """\
version: 1
upstreams:
  users: {url: https://u.example.com, status_map: {404: {detail: "no {{ user_id }}, {{ request.path }}"}}}
defaults:
  status_map: {5xx: {detail: "{{ this.status }} of {{ users.name }}", part: user}}
"""
    assert say("GET /users/{user_id}: {call: 'users:/users/{user_id}'}", around) == [
        "unknown-name ‹user_id› there is no `user_id` here",
        "unknown-name ‹users› there is no `users` here",
        "no-effect ‹part› `part` has no effect here: which parts there are differs from endpoint to endpoint",
    ]


def test_nested_parts_see_outer_ones(say: Say) -> None:
    """A part of a nested fan-out reads the parts around it; outside of it nobody reads it."""
    assert say("""\
GET /users/{id}:
  fan_out:
    user: users:/users/{id}
    shop:
      fan_out:
        cart: shop:/carts/{user.cart_id}
        offers: shop:/offers/{cart.shop}
  response: {body: {cart: "{{ shop.cart }}", offers: "{{ offers }}"}}""") == [
        "unknown-name ‹offers› there is no `offers` here"
    ]


def test_static_answers(say: Say) -> None:
    """A static answer reads the request; there are no calls."""
    assert say("""\
GET /echo/{word}:
  respond: {body: {word: "{{ word }}", user: "{{ calls.user }}"}, headers: {x-id: "{{ request.id }}"}}""") == [
        "unknown-name ‹calls› there is no `calls` here: there are no calls here"
    ]


@pytest.mark.parametrize(
    ("when", "marked"),
    [
        ("query.flag", "query.flag"),
        ("not query.flag", "query.flag"),
        ("body.a and query['flag']", "query['flag']"),
        ("query.flag == 'true'", None),
        ("query.flag | default(false)", None),
        ("query.flag is defined", None),
    ],
)
def test_an_undeclared_parameter_is_no_truth_value(say: Say, when: str, marked: str | None) -> None:
    """`?flag=false` is a text, and would switch on what it is meant to switch off."""
    message = "`flag` is a text that nobody declared: `false`, `no` and `0` are true"
    said = say(f'POST /a:\n  call: {{url: "users:/a", when: "{{{{ {when} }}}}"}}')
    assert said == ([f"~text-as-condition ‹{marked}› {message}"] if marked else [])


def test_a_declared_parameter_decides_as_its_type_says(say: Say) -> None:
    """A boolean is one, and who declares a string means any text."""
    for kind in ("boolean", "string", "integer"):
        assert say(f'GET /a:\n  query: {{flag: {kind}}}\n  call: {{url: users:/a, when: "{{{{ query.flag }}}}"}}') == []


@pytest.mark.parametrize(("default", "is_certain"), [("1 + 1", True), ("headers.a", False), ("null", False)])
def test_a_default_that_is_computed_from_nothing_is_always_there(say: Say, default: str, is_certain: bool) -> None:
    """Nothing that a client leaves out makes such a parameter be missing."""
    found = say(
        f"GET /a: {{query: {{q: {{type: integer, default: '{{{{ {default} }}}}'}}}}, call: 'users:/{{query.q}}'}}"
    )
    assert any("may-be-missing" in one for one in found) is not is_certain


@pytest.mark.parametrize(
    ("reads", "hint"),
    [
        ("cookies.sdi", "did you mean `sid`?"),
        ("cookies.other", "declare it: `cookies: {other: string}`"),
        ("query.pgae", "did you mean `page`?"),
        ("query.other", "declare it: `query: {other: string}`"),
    ],
)
def test_the_way_out_of_an_input_that_is_not_declared(tmp_path, reads: str, hint: str) -> None:
    """What is spelled nearly like it; where nothing is, the declaration."""
    file = tmp_path / "routes.yaml"
    file.write_text(
        "version: 1\nendpoints:\n  GET /a: {query: {page: integer}, cookies: {sid: string},"
        f" respond: {{body: '{{{{ {reads} }}}}'}}}}\n"
    )
    with pytest.raises(ConfigError) as caught:
        load_config(file, {})
    assert [one.hint for one in caught.value.diagnostics] == [hint]


@pytest.mark.parametrize(
    ("name", "hint"), [("usr", "did you mean `user`?"), ("nothing_alike", "the parts are user, shop")]
)
def test_the_way_out_of_a_call_that_is_not_there(tmp_path, name: str, hint: str) -> None:
    """What is spelled nearly like it; where nothing is, all that there are."""
    file = tmp_path / "routes.yaml"
    file.write_text(
        "version: 1\nupstreams: {users: {url: 'http://users.test'}}\nendpoints:\n"
        f"  GET /a: {{fan_out: {{user: 'users:/u', shop: 'users:/s'}}, response: {{body: '{{{{ calls.{name} }}}}'}}}}\n"
    )
    with pytest.raises(ConfigError) as caught:
        load_config(file, {})
    assert [one.hint for one in caught.value.diagnostics] == [hint]
