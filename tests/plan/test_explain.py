"""`explain`: what an endpoint would do, said without doing it and without telling a secret."""

from __future__ import annotations

import json

import pytest

from aggregator.errors import AggregatorError
from aggregator.plan.explaining.explain import explain
from aggregator.plan.explaining.text import explanation_text

ORDERS = """
endpoints:
  GET /orders/{order_id}/full:
    params: {order_id: integer}
    timeout: 3s
    fan_out:
      order: shop:/orders/{order_id}
      buyer: users:/users/{order.user_id}
      ads: {url: "shop:/ads", optional: true, default: [], when: "{{ query.ads }}"}
    status_map: {404: {status: 404, detail: "No order {{ order_id }}"}}
    background: {method: POST, url: "users:/seen", json: {order: "{{ order_id }}"}}
"""


def test_the_whole_picture(plan_of) -> None:
    """Order, requests, deadlines, and what each failure becomes, in 80 columns."""
    plan = plan_of(ORDERS)
    shown = explanation_text(explain(plan.endpoints[0], plan.secrets, {"order_id": "7"}))
    assert (
        shown
        == """\
GET /orders/{order_id}/full
  200 {"order": …, "buyer": …, "ads": …}
  within 3s

Calls
  ├─ order  GET shop:/orders/7
  │  └─ buyer  GET users:/users/{order.user_id}
  └─ ads?   GET shop:/ads
            only if {{ query.ads }}
            [] when it is skipped or fails

Order
  request          inputs → calls → answer → background
  order            shop
  buyer            users
  ads?             when → optional → shop
  after a success  users

Requests
  all
    user-agent: aggregator
    accept: */*
    accept-encoding: gzip, deflate, br, zstd
  order
    GET shop:/orders/7
    ends within 2s
  buyer
    GET users:/users/{order.user_id}
    ends within 3s, the endpoint's deadline
  ads?
    GET shop:/ads
    ends within 2s
  after a success
    POST users:/seen
    {"order":7}
    ends within 10s

What the client gets when a part fails
         timeout  network  404  4xx  5xx  invalid body  overloaded
  order  504      502      404  502  502  502           503
  buyer  504      502      404  502  502  502           503
  ads?  200 with [] in its place
  ads?  200 with [] in its place when it is skipped
  Such an answer names the part in aggregator-parts and is not cacheable.

  order, buyer: the first that matches of
    404 → 404 "No order {{ order_id }}"
"""
    )
    assert all(len(line) <= 80 for line in shown.splitlines())


def test_machines_get_everything(plan_of) -> None:
    """The same as data: requests, order, and every case with what it becomes and why."""
    plan = plan_of(ORDERS)
    found = json.loads(json.dumps(explain(plan.endpoints[0], plan.secrets).as_dict()))
    assert (found["endpoint"], found["deadline"]) == ("GET /orders/{order_id}/full", 3.0)
    assert found["order"] == {"order": [], "buyer": ["order"], "ads": []}
    assert [(call["part"], call["role"], call["target"]) for call in found["calls"]] == [
        ("order", "call", "shop:/orders/{order_id}"),
        ("buyer", "call", "users:/users/{order.user_id}"),
        ("ads?", "call", "shop:/ads"),
        ("after a success", "background", "users:/seen"),
    ]
    assert found["failures"]["order"]["cases"]["404"] == [
        {
            "becomes": "problem", "status": 404, "cause": "status", "when": None, "detail": "No order {{ order_id }}",
            "rule": '404 → 404 "No order {{ order_id }}"',
        }
    ]  # fmt: skip
    assert found["failures"]["ads?"]["skipped"] == "[]"


def test_an_answer_that_may_not_come_about(plan_of) -> None:
    """What follows when the parts are there and cannot become one, with the row that says so."""
    plan = plan_of("""
    endpoints:
      GET /a:
        fan_out: {a: shop:/a, b: shop:/b}
        response: {merge: error}
        status_map: [{part: response, "on": any, status: 409}]
    """)
    found = explain(plan.endpoints[0], plan.secrets)
    assert explanation_text(found).endswith("""\
  response  409 when the answer cannot be made of what came

  response: the first that matches of
    any → 409
""")
    assert found.as_dict()["failures"]["response"]["cases"]["expression"][0]["status"] == 409


def test_a_call_is_cut_to_its_endpoint(plan_of) -> None:
    """A call with more time than its endpoint ends with it."""
    plan = plan_of("endpoints: {GET /a: {timeout: 1s, call: {url: 'shop:/a', timeout: 30s}}}")
    assert "ends within 1s, the endpoint's deadline" in explanation_text(explain(plan.endpoints[0], plan.secrets))


@pytest.mark.parametrize(("length", "fits"), [(10, 66), (36, 40), (37, 40), (60, 40)])
def test_steps_are_folded_beside_the_name_of_their_call(plan_of, length: int, fits: int) -> None:
    """In eighty columns; beside a long name they have forty all the same."""
    name = "n" * (length - 1)
    for columns, lines in ((fits, 1), (fits + 1, 2)):
        upstream = "u" * (columns - len("when → optional → "))
        plan = plan_of(f"""
        upstreams: {{{upstream}: {{url: http://a.test}}}}
        endpoints:
          GET /a: {{fan_out: {{{name}: {{url: {upstream}:/x, optional: true, when: "{{{{ query.a == '1' }}}}"}}}}}}
        """)
        shown = explanation_text(explain(plan.endpoints[0], plan.secrets)).splitlines()
        order = shown[shown.index("Order") + 2 : shown.index("Requests") - 1]
        assert order[0].startswith(f"  {name}?  when → optional →")
        assert len(order) == lines


def test_a_static_answer_calls_nobody(plan_of) -> None:
    """Without calls there is only the answer."""
    plan = plan_of("endpoints: {GET /a: {respond: {status: 202, body: {x: '{{ query.x }}'}}}}")
    shown = explanation_text(explain(plan.endpoints[0], plan.secrets))
    assert shown == 'GET /a\n  202 {"x":"{{ query.x }}"}\n  within 10s\n\nOrder\n  request  inputs → answer\n'


@pytest.mark.parametrize(
    ("endpoint", "answer"),
    [
        ("call: 'shop:/a'", "status, body and content type of the call"),
        ("stream: true\n    call: 'shop:/a'", "the body of the call, as it comes"),
        ("stream: true\n    call: 'shop:/a'\n    response: {status: 202}", "202 the body of the call, as it comes"),
        ("fan_out: {a: 'shop:/a', b: 'shop:/b'}\n    response: {merge: deep}", "200 the parts, merged (deep)"),
        ("call: 'shop:/a'\n    response: {status: 201, body: {id: '{{ call.id }}'}}", '201 {"id":"{{ call.id }}"}'),
        (
            "call: 'shop:/a'\n    response: {status: '{{ calls.call.status }}', body: 1}",
            "{{ calls.call.status }} 1",
        ),
    ],
    ids=["passed-through", "streamed", "streamed-with-status", "merged", "templated", "computed-status"],
)
def test_the_answer_when_nothing_fails(plan_of, endpoint: str, answer: str) -> None:
    """The second line says what a client gets when all goes well."""
    plan = plan_of(f"endpoints:\n  GET /a:\n    {endpoint}\n")
    assert explain(plan.endpoints[0], plan.secrets).answer == answer


@pytest.mark.parametrize(("limits", "places"), [("", 50), ("    limits: {max_streams: 7}\n", 7)])
def test_a_stream_tells_how_many_there_may_be(plan_of, limits: str, places: int) -> None:
    """Also where the file does not say it; calls that are no streams say nothing of it."""
    plan = plan_of(f"""
    upstreams:
      files:
        url: https://files.example.com
    {limits}
    endpoints:
      GET /a: {{stream: true, call: files:/a}}
      GET /b: {{call: files:/b}}
    """)
    stream, call = (explain(one, plan.secrets) for one in plan.endpoints)
    assert f"    one of {places} streams at once to its upstream\n" in explanation_text(stream)
    assert stream.as_dict()["calls"][0]["max_streams"] == places
    assert "streams at once" not in explanation_text(call)


def test_a_stream_takes_its_place_among_the_streams_first(plan_of) -> None:
    """The order of a stream says so where the upstream counts calls and streams together; calls take but one place."""
    plan = plan_of("""
    upstreams:
      files: {url: https://files.example.com, concurrency: 8, limits: {max_streams: 7}}
    endpoints:
      GET /a: {stream: true, call: files:/a}
      GET /b: {call: files:/b}
    """)
    stream, call = (explanation_text(explain(one, plan.secrets)) for one in plan.endpoints)
    assert "  call     max_streams 7 → concurrency 8, " in stream
    assert "  call     concurrency 8, " in call


def test_alternatives_are_calls_of_their_own(plan_of) -> None:
    """Fallbacks, races and groups show every request that may be made, with its role."""
    plan = plan_of("""
    endpoints:
      GET /a:
        fan_out:
          first: {url: "shop:/a", fallback: ["users:/a"]}
          fast: {race: ["shop:/b", "users:/b"]}
          both: {fan_out: {x: "shop:/x", y: "users:/y"}}
    """)
    calls = explain(plan.endpoints[0], plan.secrets).calls
    assert [call.role for call in calls] == ["call", "fallback", "race", "race", "group", "group"]
    assert [call.part for call in calls] == ["first", "first", "fast[0]", "fast[1]", "both.x", "both.y"]
    shown = explanation_text(explain(plan.endpoints[0], plan.secrets))
    assert "first (fallback)\n    GET users:/a" in shown


def test_a_call_deep_inside_is_named_by_its_place(plan_of) -> None:
    """From the part of the answer down to the call, each step in the words of the file."""
    plan = plan_of("""
    endpoints:
      GET /a:
        fan_out:
          page:
            optional: true
            fan_out:
              fast: {race: ["shop:/b", {fan_out: {one: "shop:/c", all: {for_each: "{{ one }}", url: "shop:/{item}"}}}]}
    """)
    calls = explain(plan.endpoints[0], plan.secrets).calls
    assert [call.part for call in calls] == ["page?.fast[0]", "page?.fast[1].one", "page?.fast[1].all[]"]


def test_parameters_are_read_as_declared(plan_of) -> None:
    """A value that does not fit its declaration is refused, and so is a parameter that is not there."""
    plan = plan_of(ORDERS)
    with pytest.raises(AggregatorError, match="/order_id must be an integer"):
        explain(plan.endpoints[0], plan.secrets, {"order_id": "seven"})
    with pytest.raises(AggregatorError, match="has no parameter 'id'; it has: order_id"):
        explain(plan.endpoints[0], plan.secrets, {"id": "7"})


def test_no_secret_is_told(plan_of) -> None:
    """What came from a variable shows nowhere: not in headers, queries, bodies, rules, conditions or diagrams."""
    plan = plan_of(
        """
        upstreams:
          users: {url: "${URL}", headers: {x-env: "${TOKEN}"}, query: {key: "${TOKEN}"}}
        endpoints:
          GET /a:
            fan_out:
              a:
                url: users:/a/${TOKEN}?k=${TOKEN}
                query: {q: "${TOKEN}", r: "{{ '${TOKEN}' ~ query.r }}"}
                headers: {x-mine: "{{ '${TOKEN}' ~ query.r }}"}
                json: {token: "${TOKEN}", deep: ["x ${TOKEN} y", "{{ '${TOKEN}' ~ query.r }}"]}
                status_map: [{on: 404, when: "{{ this.body.x == '${TOKEN}' }}", detail: "${TOKEN}"}]
                when: "{{ query.x != '${TOKEN}' }}"
              b: {url: "https://${TOKEN}.test/x", optional: true, default: {t: "${TOKEN}"}}
            background: {url: "POST users:/b", json: "${TOKEN}"}
        """,
        {"TOKEN": "s3kr1t-value", "URL": "https://internal.test:8443/base"},
    )
    found = explain(plan.endpoints[0], plan.secrets)
    for text in (explanation_text(found), json.dumps(found.as_dict()), found.diagram):
        assert "s3kr1t" not in text
        assert "internal.test" not in text
        assert "********" in text


def test_the_columns_of_routes_and_switches(plan_of) -> None:
    """An unknown key has one where a call has a route, a part that is off where a row gives it an answer of its own."""
    text = """
    upstreams:
      tenants: {route: {by: "{{ query.t }}", to: {a: "http://a.test"}}}
      shop: {url: "http://s.test"}
    endpoints:
      GET /a: {call: tenants:/a}
      GET /b: {call: {url: shop:/b, status_map: {switched_off: {status: 410}}}}
      GET /c: {call: shop:/c}
    """
    plan = plan_of(text)
    columns = [
        {name for name in ("unknown key", "switched off") if name in explanation_text(explain(one, plan.secrets))}
        for one in plan.endpoints
    ]
    assert columns == [{"unknown key"}, {"switched off"}, set()]
