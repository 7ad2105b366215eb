"""The answer: status, headers and body from expressions, merges, joins, and what is kept of each part."""

from __future__ import annotations

import httpx
import pytest

from aggregator.errors import ConfigError, ExpressionError
from aggregator.runtime.answers.bodies import encode_body
from aggregator.templates.expressions.environment import environment

PARTS = {"/one": {"a": 1, "deep": {"x": 1, "l": [1]}}, "/two": {"a": 2, "b": 2, "deep": {"y": 2, "l": [2]}}}


def exactly(text):
    """Return an answer of an upstream with this very JSON text."""
    return httpx.Response(200, text=text, headers={"content-type": "application/json"})


def merged(serve, how, answers=None):
    """Return the answer of two parts that are merged."""
    text = f"endpoints: {{GET /x: {{fan_out: {{one: a:/one, two: a:/two}}, response: {{merge: {how}}}}}}}"
    return serve(text, answers or PARTS).get("/x")


def test_status_headers_and_body_come_from_expressions(rig):
    """Everything in an answer can be computed from the parts and the request."""
    one = rig("""
        fan_out: {order: a:/order}
        response:
          status: "{{ 200 if order.paid else 402 }}"
          headers: {x-total: "{{ order.total }}", x-who: "for {{ query.who }}", x-none: "{{ order.none }}"}
          body:
            id: "{{ order.id }}"
            text: "order {{ order.id }}"
            list: [1, "{{ order.items }}"]
            nothing: "{{ order.none }}"
    """).start(query="who=Ada")
    one["/order"].answer({"id": 7, "paid": False, "total": 12.5, "items": ["a"]})
    assert one.answer.status == 402
    assert (one.header("x-total"), one.header("x-who"), one.header("x-none")) == ("12.5", "for Ada", None)
    assert one.body == {"id": 7, "text": "order 7", "list": [1, ["a"]], "nothing": None}


def test_the_whole_of_a_call_is_there_by_its_name(rig):
    """``calls.NAME`` has status, headers, cookies, body, state and cause."""
    one = rig("""
        fan_out: {order: a:/order, ads: {url: a:/ads, optional: true}}
        response:
          body:
            s: "{{ calls.order.status }}"
            h: "{{ calls.order.headers['x-v'] }}"
            b: "{{ calls.order.body.id }}"
            state: "{{ calls.ads.state }}"
            cause: "{{ calls.ads.cause }}"
            all: "{{ calls.ads }}"
    """).start()
    one["/order"].answer({"id": 7}, status=201, x_v="2")
    one["/ads"].fail()
    ads = {"status": None, "headers": {}, "cookies": {}, "body": None, "state": "default", "cause": "refused"}
    assert one.body == {"s": 201, "h": "2", "b": 7, "state": "default", "cause": "refused", "all": ads}


def test_an_expression_does_not_outlive_the_deadline(rig, monkeypatch):
    """What computes lets no timer run: an answer that was made after its time is none."""
    endpoint = """
        timeout: 1s
        fan_out: {order: a:/order}
        response: {body: {name: "{{ order.name | upper }}"}}
    """
    in_time, late = rig(endpoint), rig(endpoint)

    def takes(one, seconds):
        def upper(value):
            one.loop.now += seconds
            return value.upper()

        monkeypatch.setitem(environment().filters, "upper", upper)
        one.start()["/order"].answer({"name": "x"})

    takes(in_time, 0.9)
    takes(late, 1.1)
    assert (in_time.answer.status, in_time.body) == (200, {"name": "X"})
    assert (late.answer.status, late.body["cause"]) == (504, "deadline")


@pytest.mark.parametrize("status", ["200", 99, True, 600, 200.5, None, [200]])
def test_a_status_that_is_none_fails_the_answer(rig, status):
    """What an expression gives has to be a status that an answer can have."""
    one = rig('fan_out: {order: a:/order}\nresponse: {status: "{{ order.status }}"}').start()
    one["/order"].answer({"status": status})
    assert (one.answer.status, one.body["part"]) == (502, "response")


@pytest.mark.parametrize("status", [204, 205, 304])
def test_an_answer_without_a_body_has_none(rig, status):
    """Statuses that go without a body do so, and without a content type, whatever the parts gave (RFC 9110 §6.4.1)."""
    fixed = rig(f"fan_out: {{x: a:/x}}\nresponse: {{status: {status}}}").start()
    computed = rig(f"fan_out: {{x: a:/x}}\nresponse: {{status: '{{{{ {status} }}}}'}}").start()
    for one in (fixed, computed):
        one["/x"].answer({"a": 1})
        assert (one.answer.status, one.answer.body, one.header("content-type")) == (status, b"", None)


def test_a_call_with_a_body_of_its_own_keeps_the_status(rig):
    """The status of a single call passes through although its body is made anew."""
    one = rig("call: POST a:/x\nresponse: {body: {id: '{{ call.id }}'}}").start()
    one["/x"].answer({"id": 7, "secret": 1}, status=201)
    assert (one.answer.status, one.body) == (201, {"id": 7})


def test_a_call_without_a_body_can_be_given_one(rig):
    """An upstream's 204 does not take away the body that the file declares."""
    one = rig("call: a:/x\nresponse: {body: {done: true}}").start()
    one["/x"].answer(status=204, body=b"")
    assert (one.answer.status, one.body) == (200, {"done": True})


def test_a_body_that_is_text_stands_as_it_is_under_its_type(rig):
    """With a content type that is not JSON a text is sent raw, not in quotes."""
    page = rig(
        "fan_out: {x: a:/x}\nresponse: {headers: {content-type: text/html}, body: '<b>{{ x.name }}</b>'}"
    ).start()
    page["/x"].answer({"name": "Ada"})
    assert (page.answer.body, page.header("content-type")) == (b"<b>Ada</b>", "text/html")
    data = rig("fan_out: {x: a:/x}\nresponse: {headers: {content-type: application/hal+json}, body: 'text'}").start()
    data["/x"].answer(1)
    assert data.answer.body == b'"text"'


def test_a_static_answer_can_be_text_or_nothing(rig):
    """``respond`` sends text as text, JSON as JSON, and no body where none is declared."""
    text = rig("respond: {headers: {content-type: text/plain}, body: 'User-agent: *'}").start()
    assert (text.answer.body, text.header("content-type")) == (b"User-agent: *", "text/plain")
    data = rig("respond: {status: 201, body: {who: '{{ query.who }}'}}").start(query="who=Ada")
    assert (data.answer.status, data.body) == (201, {"who": "Ada"})
    nothing = rig("respond: {status: 202}").start()
    assert (nothing.answer.status, nothing.answer.body, nothing.header("content-type")) == (202, b"", None)
    null = rig("respond: {body: null}").start()
    assert null.answer.body == b"null"


def test_shapes_of_a_call_are_applied_in_order(rig):
    """select, target, allow or deny, rename, group."""
    one = rig("""
        fan_out:
          x:
            url: a:/x
            select: "{data: data}"
            target: data.user
            allow: [id, address.city]
            rename: {id: user_id}
            group: in.here
          y: {url: a:/y, deny: [items.secret], select: "{{ this.body.list[0] }}"}
    """).start()
    one["/x"].answer({"data": {"user": {"id": 7, "name": "n", "address": {"city": "Graz", "zip": 1}}}})
    one["/y"].answer({"list": [{"items": [{"secret": 1, "n": 2}]}]})
    assert one.body == {
        "x": {"in": {"here": {"user_id": 7, "address": {"city": "Graz"}}}},
        "y": {"items": [{"n": 2}]},
    }


def test_an_expression_selects_with_all_that_the_call_can_name(rig):
    """``select`` in braces sees the reply as ``this`` and the results that the call waited for."""
    one = rig("""
        fan_out:
          order: a:/order
          mine: {url: a:/list, select: "{{ this.body | selectattr('id', 'equalto', order.id) }}", needs: [order]}
    """).start()
    one["/order"].answer({"id": 2})
    one["/list"].answer([{"id": 1}, {"id": 2}])
    assert one.body["mine"] == [{"id": 2}]


def test_a_target_that_is_not_there_is_null(rig):
    """Missing is null, which can be told from an empty object."""
    one = rig("fan_out: {x: {url: a:/x, target: data.user}}").start()
    one["/x"].answer({"data": {}})
    assert one.body == {"x": None}


def test_a_query_that_the_data_does_not_fit_fails_the_call(rig):
    """A shape that cannot be applied is a failure with a cause, not a server error."""
    one = rig("fan_out: {x: {url: a:/x, select: 'sum(items)'}}").start()
    one["/x"].answer({"items": ["a"]})
    assert (one.answer.status, one.body["cause"], one.body["part"]) == (502, "expression", "x")


def test_the_answer_itself_can_be_shaped(serve):
    """``response`` shapes what the parts became, for one call and for several."""
    gateway = serve(
        """
        endpoints:
          GET /one: {call: a:/one, response: {deny: [deep], rename: {a: z}}}
          GET /all: {fan_out: {one: a:/one, two: a:/two}, response: {select: "[one.a, two.a]"}}
          GET /expr: {fan_out: {one: a:/one}, response: {select: "{{ this.body.one.deep }}", group: d}}
        """,
        PARTS,
    )
    assert gateway.get("/one").json() == {"z": 1}
    assert gateway.get("/all").json() == [1, 2]
    assert gateway.get("/expr").json() == {"d": {"x": 1, "l": [1]}}


def test_parts_can_be_merged_deep(serve):
    """Objects merge into objects; elsewhere the last part wins."""
    assert merged(serve, "deep").text == '{"a":2,"deep":{"x":1,"l":[2],"y":2},"b":2}'


@pytest.mark.parametrize(("how", "a"), [("first", 1), ("last", 2)])
def test_parts_can_be_merged_by_rank(serve, how, a):
    """The first or the last part that has a key gives its value."""
    assert merged(serve, how).json()["a"] == a


def test_a_merge_can_append_lists(serve):
    """Lists inside objects are joined; parts that all are lists become one."""
    assert merged(serve, "append").json()["deep"] == {"x": 1, "l": [1, 2], "y": 2}
    assert merged(serve, "append", {"/one": [1], "/two": [2, 3]}).json() == [1, 2, 3]


def test_a_merge_can_refuse_collisions(serve):
    """``error`` names the key and both parts."""
    answer = merged(serve, "error")
    assert (answer.status_code, answer.json()["part"]) == (502, "response")
    assert "`one` and `two` both have the key `a`" in answer.json()["detail"]
    assert merged(serve, "error", {"/one": {"a": 1}, "/two": {"b": 2}}).json() == {"a": 1, "b": 2}


def test_a_collision_that_is_certain_is_a_load_error(plan_of):
    """Two parts that put their result under one key can never be merged."""
    with pytest.raises(ConfigError):
        plan_of("""
            endpoints:
              GET /x: {fan_out: {a1: {url: a:/1, group: k}, a2: {url: a:/2, group: k}}, response: {merge: error}}
        """)


def test_a_skipped_part_has_no_part_in_a_merge(rig):
    """Null is passed over, so an absent part takes no key away."""
    one = rig("fan_out: {x: a:/x, y: {url: a:/y, when: '{{ false }}'}}\nresponse: {merge: last}").start()
    one["/x"].answer({"a": 1})
    assert one.body == {"a": 1}


def test_lists_are_joined_by_key(serve):
    """Elements of one part are put into elements of another; what has no match is null, left out, or an error."""
    text = """
        endpoints:
          GET /{missing}:
            fan_out: {orders: a:/orders, products: a:/products}
            response:
              join: [{left: "orders[].product_id", right: "products[].id", into: product, missing: %s}]
              deny: [products]
    """
    answers = {
        "/orders": [{"n": 1, "product_id": 7}, {"n": 2, "product_id": 9}],
        "/products": [{"id": 7, "name": "Pen"}],
    }
    assert serve(text % "'null'", answers).get("/x").json() == {
        "orders": [
            {"n": 1, "product_id": 7, "product": {"id": 7, "name": "Pen"}},
            {"n": 2, "product_id": 9, "product": None},
        ]
    }
    assert [order["n"] for order in serve(text % "drop", answers).get("/x").json()["orders"]] == [1]
    assert serve(text % "error", answers).get("/x").status_code == 502


def test_root_arrays_are_joined(serve):
    """The answer itself may be the list: with one of a part, which it need not show, or with itself."""
    gateway = serve(
        """
        endpoints:
          GET /parts:
            fan_out: {orders: a:/orders, shop: {fan_out: {products: a:/products, ads: a:/ads}}}
            response:
              fields: true
              body: "{{ orders }}"
              join: [{left: "[].p", right: "shop.products.list[].id", into: product, missing: drop}]
          GET /map:
            fan_out: {orders: a:/orders, products: a:/products}
            response:
              fields: true
              body: {list: "{{ orders }}", n: "{{ orders | length }}"}
              join: [{left: "list[].p", right: "products.list[].id", into: product}]
          GET /itself: {call: a:/orders, response: {join: [{left: "[].twin", right: "[].n", into: other}]}}
          GET /computed:
            fan_out: {orders: a:/orders, products: {url: a:/gone, optional: true}}
            response:
              body: "{{ orders }}"
              join: [{left: "[].p", right: "products.list[].id", into: product}]
              select: "[].product"
          GET /no-list:
            fan_out: {orders: a:/products, products: a:/products}
            response: {body: "{{ orders }}", join: [{left: "[].p", right: "products.list[].id", into: product}]}
        """,
        {
            "/orders": exactly('[{"n": 1, "p": 7, "sum": 1.10}, {"n": 2, "p": 8, "twin": 1}]'),
            "/products": exactly('{"list": [{"id": 7, "price": 2.50}]}'),
            "/ads": {},
        },
    )
    assert gateway.get("/parts").text == '[{"n":1,"p":7,"sum":1.10,"product":{"id":7,"price":2.50}}]'
    asked = len(gateway.upstream.lines)
    assert gateway.get("/parts?fields=product.price").json() == [{"product": {"price": 2.5}}]
    assert gateway.upstream.lines[asked:] == ["GET /orders", "GET /products"]
    assert [order["product"] for order in gateway.get("/map").json()["list"]] == [{"id": 7, "price": 2.5}, None]
    assert gateway.get("/map?fields=n").json() == {"n": 2}
    assert gateway.upstream.lines[-1] == "GET /orders"
    assert [order["other"] for order in gateway.get("/itself").json()] == [None, {"n": 1, "p": 7, "sum": 1.1}]
    assert gateway.get("/computed").json() == []
    assert gateway.get("/no-list").json()["detail"] == "A join takes lists, not an object."


def test_root_arrays_go_in_and_out(serve):
    """A list is a body like any other: of a part, of a single call, of an answer."""
    gateway = serve(
        """
        endpoints:
          GET /call: {call: a:/list, response: {select: "[].id"}}
          GET /part: {fan_out: {list: a:/list}}
          GET /body: {fan_out: {list: a:/list}, response: {body: ["{{ list }}", 2]}}
        """,
        {"/list": [{"id": 1}]},
    )
    assert gateway.get("/call").json() == [1]
    assert gateway.get("/part").json() == {"list": [{"id": 1}]}
    assert gateway.get("/body").json() == [[{"id": 1}], 2]


def test_a_body_declared_as_null_is_null(rig):
    """``body: null`` is a body, not the absence of one."""
    one = rig("fan_out: {x: a:/x}\nresponse: {body: null}").start()
    one["/x"].answer(1)
    assert one.answer.body == b"null"


def test_meta_tells_of_every_part(serve):
    """``meta: true`` adds what became of each part, beside the data of an answer that is no object."""
    gateway = serve(
        """
        endpoints:
          GET /object:
            fan_out: {x: a:/x, y: {url: a:/none, optional: true}, z: {url: a:/z, when: "{{ false }}"}}
            response: {meta: true}
          GET /list: {call: a:/list, response: {meta: true}}
        """,
        {"/x": 1, "/list": [1]},
    )
    parts = gateway.get("/object").json()["meta"]["parts"]
    assert [(part["name"], part["state"]) for part in parts] == [("x", "ok"), ("y", "default"), ("z", "skipped")]
    assert parts[1]["status"] == 404
    assert parts[1]["cause"] == "status"
    assert parts[0].keys() == {"name", "state", "status", "ms", "attempts"}
    listed = gateway.get("/list").json()
    assert listed["data"] == [1]
    assert listed["meta"]["parts"][0]["name"] == "call"


def test_steps_go_over_a_text_body_too(serve):
    """Text under its own type is shaped as text, and `meta` puts it beside the parts."""
    gateway = serve(
        """
        endpoints:
          GET /x:
            fan_out: {x: a:/x}
            response: {headers: {content-type: text/plain}, body: "{{ x.name }}!", select: "{{ this.body | upper }}"}
        """,
        {"/x": {"name": "Ada"}},
    )
    answer = gateway.get("/x")
    assert (answer.content, answer.headers["content-type"]) == (b"ADA!", "text/plain")


def test_text_that_has_no_bytes_fails_the_answer():
    """Half of a surrogate pair cannot be sent."""
    with pytest.raises(ExpressionError):
        encode_body("\ud800", as_text=True)


def test_a_transform_gets_ordinary_numbers_and_gives_the_body(serve, tmp_path):
    """A function of a plug-in sees the whole answer as data; what comes after sees what it gave."""
    (tmp_path / "composition_plugin.py").write_text(
        "def double(body):\n    return {'price': body['x']['price'] * 2, 'more': 1}\n"
    )
    gateway = serve(
        """
        plugins: [composition_plugin]
        endpoints:
          GET /x: {fan_out: {x: a:/x}, response: {transform: "composition_plugin:double", fields: true}}
        """,
        {"/x": {"price": 1.25}},
    )
    assert gateway.get("/x").json() == {"price": 2.5, "more": 1}
    assert gateway.get("/x?fields=price").json() == {"price": 2.5}


def test_joins_reach_into_parts(serve):
    """The lists may lie deep inside; where one is not there nothing is joined."""
    gateway = serve(
        """
        endpoints:
          GET /x:
            fan_out: {orders: a:/orders, products: a:/products, other: a:/other}
            response:
              join:
                - {left: "orders.data.list[].p", right: "products.items[].key.id", into: product}
                - {left: "other.list[].p", right: "products.items[].key.id", into: product}
              deny: [products]
        """,
        {
            "/orders": {"data": {"list": [{"p": 1}]}, "n": 1},
            "/products": {"items": [{"key": {"id": 1}}]},
            "/other": {"x": 1},
        },
    )
    assert gateway.get("/x").json() == {
        "orders": {"data": {"list": [{"p": 1, "product": {"key": {"id": 1}}}]}, "n": 1},
        "other": {"x": 1},
    }
