"""One call per item of a list: equal keys once, so many at a time, in the order of the items."""

from __future__ import annotations

import pytest

from aggregator.errors import Cause

LINES = """
    fan_out:
      order: a:/order
      lines:
        for_each: {{in: "{{{{ order.items }}}}"{options}}}
        url: b:/products/{{item.sku}}
"""


def started(rig, items, options=""):
    """Return an endpoint whose order has come with *items*, and whose calls for them are under way."""
    one = rig(LINES.format(options=options)).start()
    one["/order"].answer({"items": items})
    return one


def skus(*names):
    """Return items with these SKUs."""
    return [{"sku": name} for name in names]


def test_results_stand_in_the_order_of_the_items(rig):
    """Whatever arrives first, the list is that of the items."""
    one = started(rig, skus("a", "b", "c"))
    for name in "cab":
        one[f"/products/{name}"].answer({"is": name})
    assert [line["is"] for line in one.body["lines"]] == ["a", "b", "c"]


def test_items_that_ask_for_the_same_are_called_once(rig):
    """Two items with equal values of all that the call reads share one call, though they differ elsewhere."""
    one = started(rig, [{"sku": "a", "n": 1}, {"sku": "b", "n": 2}, {"sku": "a", "n": 3}])
    assert one.targets == ["/order", "/products/a", "/products/b"]
    one["/products/a"].answer(1)
    one["/products/b"].answer(2)
    assert one.body["lines"] == [1, 2, 1]


def test_a_declared_key_says_which_items_are_the_same(rig):
    """``key`` decides, and not what the call reads."""
    one = started(rig, [{"sku": "A", "id": 1}, {"sku": "a", "id": 1}], ', key: "{{ item.id }}"')
    assert one.targets[1:] == ["/products/A"]


def test_calls_that_change_something_are_made_for_each_item(rig):
    """A POST is made as often as there are items, unless a key says that they are the same."""
    text = """
        fan_out:
          done: {{for_each: {{in: "{{{{ [1, 1] }}}}"{key}}}, url: POST a:/x, json: {{n: "{{{{ item }}}}"}}}}
    """
    assert len(rig(text.format(key="")).start().sent) == 2
    assert len(rig(text.format(key=', key: "{{ item }}"')).start().sent) == 1


def test_the_index_makes_every_item_its_own(rig):
    """A call that reads ``index`` is another one for each item."""
    one = rig("fan_out: {x: {for_each: '{{ [7, 7] }}', url: 'a:/x/{item}/{index}'}}").start()
    assert one.targets == ["/x/7/0", "/x/7/1"]


def test_never_more_calls_than_allowed_are_under_way(rig):
    """The next call starts when one has ended."""
    one = started(rig, skus(*"abcde"), ", concurrency: 2")
    assert one.targets[1:] == ["/products/a", "/products/b"]
    one["/products/b"].answer(2)
    assert one.targets[3:] == ["/products/c"]
    one["/products/c"].answer(3)
    one["/products/a"].answer(1)
    assert one.targets[4:] == ["/products/d", "/products/e"]


def test_a_list_that_is_too_long_fails_before_anything_is_called(rig):
    """``max_items`` protects upstreams; the failure says the limit and the length."""
    one = started(rig, skus(*"abc"), ", max_items: 2")
    assert one.targets == ["/order"]
    assert (one.answer.status, one.body["cause"]) == (502, "too_large")
    assert "takes 2 items, and there are 3" in one.body["detail"]


@pytest.mark.parametrize("items", [[], None])
def test_no_items_are_an_empty_list(rig, items):
    """An empty list, null, or a list that is not there: nothing is called, and nothing failed."""
    one = started(rig, items)
    assert one.targets == ["/order"]
    assert one.body["lines"] == []


def test_what_is_no_list_fails_the_part(rig):
    """An object or a text where a list should be is no empty list."""
    one = started(rig, {"a": 1})
    assert (one.answer.status, one.body["cause"], one.body["part"]) == (502, "expression", "lines")


def test_one_failed_item_fails_the_part(rig):
    """By default; the other calls are cancelled, and no more are started."""
    one = started(rig, skus(*"abc"), ", concurrency: 2")
    one["/products/a"].answer({}, status=404)
    assert one["/products/b"].cancelled
    assert (one.answer.status, one.body["part"], len(one.sent)) == (404, "lines", 3)


def test_a_failed_item_can_be_null(rig):
    """``on_error: null`` keeps its place; the answer is partial, and tells which item is missing and why."""
    one = started(rig, skus(*"abc"), ", on_error: 'null'")
    one["/products/a"].answer(1)
    one["/products/b"].fail(Cause.RESET)
    one["/products/c"].answer(3)
    assert one.body["lines"] == [1, None, 3]
    assert one.header("cache-control") == "no-store"
    assert "lines;state=ok;lost=1;cause=reset;" in one.header("aggregator-parts")


def test_a_failed_item_can_be_left_out(rig):
    """``on_error: skip`` gives a shorter list, partial all the same."""
    one = started(rig, skus(*"abca"), ", on_error: skip")
    one["/products/a"].fail()
    one["/products/b"].answer(2)
    one["/products/c"].answer(3)
    assert one.body["lines"] == [2, 3]
    assert one.header("cache-control") == "no-store"


def test_the_lost_items_are_told_by_their_place(serve):
    """``meta`` names the items that failed, each with its cause."""
    gateway = serve(
        """
        endpoints:
          GET /x:
            fan_out: {x: {for_each: {in: "{{ ['a', 'b'] }}", on_error: skip}, url: 'a:/{item}'}}
            response: {meta: true}
        """,
        {"/a": 1},
    )
    [part] = gateway.get("/x").json()["meta"]["parts"]
    assert (part["name"], part["state"], part["attempts"]) == ("x", "ok", 2)
    [lost] = part["parts"]
    assert (lost["name"], lost["state"], lost["status"], lost["cause"]) == ("x[1]", "failed", 404, "status")


def test_results_can_be_put_onto_their_items(rig):
    """``join`` answers with the items, each with what was fetched for it; fields of the item stay."""
    one = started(rig, [{"sku": "a", "n": 1}, {"sku": "b", "n": 2}], ", join: {into: product}, on_error: 'null'")
    one["/products/b"].fail()
    one["/products/a"].answer(body=b'{"price": 1.50}')
    assert b'"lines":[{"sku":"a","n":1,"product":{"price": 1.50}},{"sku":"b","n":2,"product":null}]' in one.answer.body


def test_an_item_that_is_no_object_stands_beside_its_result(rig):
    """A joined scalar becomes an object with the item in it."""
    one = rig("fan_out: {x: {for_each: {in: '{{ [7] }}', join: {into: user}}, url: 'a:/{item}'}}").start()
    one["/7"].answer("Ada")
    assert one.body == {"x": [{"item": 7, "user": "Ada"}]}


def test_a_joined_result_replaces_a_field_of_its_name(rig):
    """There is one value for a key, and it is the fetched one."""
    one = rig(
        "fan_out: {x: {for_each: {in: '{{ [{\"id\": 7, \"u\": 1}] }}', join: {into: u}}, url: 'a:/{item.id}'}}"
    ).start()
    one["/7"].answer(2)
    assert one.answer.body == b'{"x":[{"id":7,"u":2}]}'


def test_an_item_without_its_declared_key_fails_the_part(rig):
    """Items that cannot be told apart are not guessed at."""
    one = started(rig, [{"sku": "a"}], ', key: "{{ item.id }}"')
    assert one.body["detail"] == "An item of 'lines' has no key."


@pytest.mark.parametrize(
    ("on_error", "lines"), [("'null'", [{"is": "a"}, None, {"is": "b"}, None]), ("skip", [{"is": "a"}, {"is": "b"}])]
)
def test_an_item_without_its_declared_key_is_a_lost_item(rig, on_error, lines):
    """Where single items may fail, one that has no key is such an item, and each of them apart."""
    items = [{"sku": "a", "id": 1}, {"sku": "x"}, {"sku": "b", "id": 2}, {"sku": "y", "id": None}]
    one = started(rig, items, f', key: "{{{{ item.id }}}}", on_error: {on_error}')
    assert one.targets[1:] == ["/products/a", "/products/b"]
    one["/products/a"].answer({"is": "a"})
    one["/products/b"].answer({"is": "b"})
    assert one.body["lines"] == lines
    assert "lines;state=ok;lost=2;cause=expression;ms=0;attempts=2" in one.header("aggregator-parts")


@pytest.mark.parametrize("items", [{"a": 1}, [{"sku": "a"}], [{"id": 1}]], ids=["no list", "no key", "no url"])
def test_a_list_that_calls_nobody_has_made_no_attempt(rig, items):
    """``attempts`` are the calls that were made."""
    one = started(rig, items, ', key: "{{ item.id }}"')
    assert one.header("aggregator-parts").endswith("lines;state=failed;cause=expression;ms=0;attempts=0")


ITEM = b'{"sku":"a","price":1.10,"weight":3.14159265358979323846,"e":1E+3}'


@pytest.mark.parametrize(
    ("items", "answer"),
    [
        ("order.items", b'{"items": [%b]}' % ITEM),
        ("calls.order.body.items", b'{"items": [%b]}' % ITEM),
        ("order[0]", b"[[%b]]" % ITEM),
    ],
)
def test_items_keep_every_digit(rig, items, answer):
    """A joined item is moved, not computed: its numbers are written as its upstream wrote them."""
    one = rig(f"""
        fan_out:
          order: a:/order
          lines: {{for_each: {{in: "{{{{ {items} }}}}", join: {{into: to}}}}, url: 'b:/products/{{item.price}}'}}
    """).start()
    one["/order"].answer(body=answer)
    one["/products/1.1"].answer(body=b"2.50")
    assert one.answer.body.endswith(b'"lines":[%b,"to":2.50}]}' % ITEM[:-1])


def test_items_that_are_computed_are_joined_as_computed(rig):
    """What an expression made has the numbers that it calculated with."""
    one = rig("""
        fan_out:
          order: a:/order
          lines: {for_each: {in: "{{ order | sort }}", join: {into: to}}, url: 'b:/{item}'}
    """).start()
    one["/order"].answer(body=b"[2.50, 1.10]")
    one["/1.1"].answer(1)
    one["/2.5"].answer(2)
    assert one.body["lines"] == [{"item": 1.1, "to": 1}, {"item": 2.5, "to": 2}]


def test_items_of_the_client_keep_every_digit(serve):
    """The list of the request's body is put back as the client wrote it."""
    gateway = serve(
        """
        endpoints:
          POST /x:
            body: {type: array}
            fan_out: {x: {for_each: {in: "{{ body }}", join: {into: to}}, url: 'a:/{item.id}'}}
        """,
        {"/1": True},
    )
    answer = gateway.post("/x", content=b'[{"id":1,"n":1.10}]', headers={"content-type": "application/json"})
    assert answer.content == b'{"x":[{"id":1,"n":1.10,"to":true}]}'


def test_each_result_is_judged_and_shaped_by_itself(rig):
    """``success`` and shape are about one call, not about the list."""
    one = rig("""
        fan_out:
          x: {for_each: "{{ [1, 2] }}", url: 'a:/{item}', target: data, success: {when: "{{ this.body.id == item }}"}}
    """).start()
    one["/1"].answer({"id": 1, "data": "a"})
    one["/2"].answer({"id": 2, "data": "b"})
    assert one.body == {"x": ["a", "b"]}


def test_a_long_list_that_fails_at_once_ends_without_recursion(rig):
    """Calls that cannot even be written end as they start, thousands of them."""
    one = rig("""
        fan_out:
          list: a:/list
          x:
            for_each: {in: "{{ list }}", max_items: 5000, on_error: 'null', concurrency: 1}
            url: a:/{item.id}/{index}
    """).start()
    one["/list"].answer([{}] * 5000)
    assert one.targets == ["/list"]
    assert one.body["x"] == [None] * 5000


def test_giving_up_cancels_every_call_of_the_list(rig):
    """A part beside it that fails ends all of them."""
    one = rig("fan_out: {x: {for_each: '{{ [1, 2] }}', url: 'a:/{item}'}, bad: a:/bad}").start()
    one["/bad"].fail()
    assert (one["/1"].cancelled, one["/2"].cancelled) == (True, True)


def test_a_single_call_can_be_made_for_each_item(rig):
    """The answer is the list, with status 200."""
    one = rig("call: {for_each: '{{ [1, 2] }}', url: 'a:/{item}'}").start()
    one["/2"].answer(2, status=202)
    one["/1"].answer(1, status=201)
    assert (one.answer.status, one.body) == (200, [1, 2])
