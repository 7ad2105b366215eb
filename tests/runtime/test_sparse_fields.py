"""``?fields=`` prunes the answer, and the calls that nobody needs are not made."""

from __future__ import annotations

import pytest

ANSWERS = {
    "/user": {"id": 7, "name": "Ada", "address": {"city": "Graz", "zip": 1}},
    "/orders/7": [{"id": 1, "sum": 2}],
    "/ads": {"text": "buy"},
    "POST /hit": {"done": True},
    "POST /events": {},
    "/products": [{"id": 1}],
}
PLAIN = """
    endpoints:
      GET /x:
        fan_out: {user: a:/user, orders: 'a:/orders/{user.id}', ads: a:/ads}
        response: {fields: true}
"""


def test_only_what_is_asked_for_is_answered_and_called(serve):
    """A part that no field needs is skipped; nested names go through lists."""
    gateway = serve(PLAIN, ANSWERS)
    assert gateway.get("/x?fields=user.name,user.address.city").json() == {
        "user": {"name": "Ada", "address": {"city": "Graz"}}
    }
    assert gateway.upstream.lines == ["GET /user"]
    assert gateway.get("/x?fields=ads").json() == {"ads": {"text": "buy"}}
    assert gateway.upstream.lines[1:] == ["GET /ads"]


def test_what_a_wanted_part_waits_for_is_called_too(serve):
    """Inputs are needed although they are not shown."""
    gateway = serve(PLAIN, ANSWERS)
    assert gateway.get("/x?fields=orders.id").json() == {"orders": [{"id": 1}]}
    assert gateway.upstream.lines == ["GET /user", "GET /orders/7"]


@pytest.mark.parametrize("query", ["", "?fields=", "?other=1"])
def test_without_fields_everything_is_answered(serve, query):
    """Nothing is pruned that nobody asked to prune."""
    assert list(serve(PLAIN, ANSWERS).get(f"/x{query}").json()) == ["user", "orders", "ads"]


def test_unknown_fields_are_left_out(serve):
    """A name that no answer has finds nothing, and calls nothing."""
    gateway = serve(PLAIN, ANSWERS)
    assert gateway.get("/x?fields=nope").json() == {}
    assert gateway.upstream.lines == []


def test_repeated_fields_are_one_list(serve):
    """``?fields=a&fields=b`` asks for both."""
    assert list(serve(PLAIN, ANSWERS).get("/x?fields=ads&fields=user.id").json()) == ["user", "ads"]


@pytest.mark.parametrize("fields", ["a..b", "*", "a,,b", "x" * 2001])
def test_fields_that_cannot_be_read_are_refused_before_any_call(serve, fields):
    """422 with the place of the mistake, and no upstream hears of it."""
    gateway = serve(PLAIN, ANSWERS)
    answer = gateway.get("/x", params={"fields": fields})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/fields"
    assert gateway.upstream.lines == []


def test_a_template_tells_which_parts_a_field_needs(serve):
    """With a body of its own, a key needs the parts that its expressions read."""
    gateway = serve(
        """
        endpoints:
          GET /x:
            fan_out: {user: a:/user, ads: a:/ads}
            response:
              fields: true
              body: {name: "{{ user.name }}", both: ["{{ ads }}", "{{ calls.user.status }}"], fixed: 1}
        """,
        ANSWERS,
    )
    assert gateway.get("/x?fields=name").json() == {"name": "Ada"}
    assert gateway.upstream.lines == ["GET /user"]
    assert gateway.get("/x?fields=fixed").json() == {"fixed": 1}
    assert gateway.upstream.lines == ["GET /user"]
    assert gateway.get("/x?fields=both").json() == {"both": [{"text": "buy"}, 200]}


def test_parts_that_are_read_elsewhere_run_all_the_same(serve):
    """Status, headers and background calls get what they read."""
    gateway = serve(
        """
        endpoints:
          GET /x:
            fan_out: {user: a:/user, ads: a:/ads, seen: a:/products}
            response: {fields: true, status: "{{ 200 if user.id else 404 }}", headers: {x-ad: "{{ ads.text }}"}}
            background: [{url: POST a:/events, json: {seen: "{{ seen }}"}}]
        """,
        ANSWERS,
    )
    answer = gateway.get("/x?fields=none")
    assert (answer.json(), answer.headers["x-ad"]) == ({}, "buy")
    gateway.close()
    assert [line for line in gateway.upstream.lines if "GET" in line] == ["GET /user", "GET /ads", "GET /products"]
    assert gateway.upstream.last.content == b'{"seen":[{"id": 1}]}'


def test_a_call_that_changes_something_is_always_made(serve):
    """Leaving a field out of the answer does not undo what the endpoint is for."""
    gateway = serve(
        "endpoints: {POST /x: {fan_out: {hit: POST a:/hit, ads: a:/ads}, response: {fields: true}}}", ANSWERS
    )
    assert gateway.post("/x?fields=ads").json() == {"ads": {"text": "buy"}}
    assert sorted(gateway.upstream.lines) == ["GET /ads", "POST /hit"]


def test_a_join_needs_both_sides(serve):
    """A field that another part is joined into needs that part."""
    gateway = serve(
        """
        endpoints:
          GET /x:
            fan_out: {orders: a:/orders/7, products: a:/products, ads: a:/ads}
            response: {fields: true, join: [{left: "orders[].id", right: "products[].id", into: product}]}
        """,
        ANSWERS,
    )
    assert gateway.get("/x?fields=orders").json() == {"orders": [{"id": 1, "sum": 2, "product": {"id": 1}}]}
    assert gateway.upstream.lines == ["GET /orders/7", "GET /products"]


@pytest.mark.parametrize("response", ["rename: {user: person}", "merge: deep", "select: '{person: user}'"])
def test_where_keys_do_not_tell_what_they_need_everything_is_called(serve, response):
    """An answer in another shape is pruned all the same, from the parts that it is made of."""
    gateway = serve(
        f"""
        endpoints:
          GET /x:
            fan_out: {{user: {{url: a:/user, group: person}}, ads: a:/ads}}
            response: {{fields: true, {response}}}
        """,
        ANSWERS,
    )
    assert "person" in gateway.get("/x?fields=person").json()
    assert sorted(gateway.upstream.lines) == ["GET /ads", "GET /user"]


def test_a_single_call_is_pruned(serve):
    """Fields are for one call as well, and for each element of a list."""
    gateway = serve("endpoints: {GET /x: {call: a:/orders/7, response: {fields: true}}}", ANSWERS)
    assert gateway.get("/x?fields=id").json() == [{"id": 1}]
    assert gateway.get("/x?fields=a..b").status_code == 422


def test_meta_is_not_pruned(serve):
    """What became of the parts is told in any case: those that nobody asked for were skipped."""
    gateway = serve(
        "endpoints: {GET /x: {fan_out: {ads: a:/ads, user: a:/user}, response: {fields: true, meta: true}}}", ANSWERS
    )
    answer = gateway.get("/x?fields=ads").json()
    assert list(answer) == ["ads", "meta"]
    assert [part["state"] for part in answer["meta"]["parts"]] == ["ok", "skipped"]


def test_where_a_body_reads_everything_everything_is_called(serve):
    """An expression over all calls does not tell what a field needs."""
    gateway = serve(
        """
        endpoints:
          GET /x:
            fan_out: {user: a:/user, ads: a:/ads}
            response: {fields: true, body: {all: "{{ calls }}"}}
        """,
        ANSWERS,
    )
    gateway.get("/x?fields=all")
    assert sorted(gateway.upstream.lines) == ["GET /ads", "GET /user"]


def test_what_nobody_asks_for_is_not_computed(serve):
    """An expression over a part that was not called is left out, instead of failing the answer."""
    gateway = serve(
        """
        endpoints:
          GET /x:
            fan_out: {user: a:/user, orders: a:/orders/7}
            response:
              fields: true
              body:
                name: "{{ user.name }}"
                sums: {all: "{{ orders | sum(attribute='sum') }}", first: "{{ orders[0].sum + 1 }}", id: "{{ user.id }}"}
                list: [{name: "{{ user.name }}", orders: "{{ orders }}"}, "{{ user.id }}"]
        """,
        ANSWERS,
    )
    assert gateway.get("/x?fields=name,sums.id").json() == {"name": "Ada", "sums": {"id": 7}}
    assert gateway.get("/x?fields=list.name").json() == {"list": [{"name": "Ada"}]}
    assert set(gateway.upstream.lines) == {"GET /user"}
    assert gateway.get("/x?fields=sums.first").json() == {"sums": {"first": 3}}
