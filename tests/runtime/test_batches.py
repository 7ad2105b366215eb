"""One call for many keys: chunks of a size, elements found by their key, null for what the answer lacks."""

from __future__ import annotations

import httpx
import pytest

BATCH = """
    fan_out:
      order: a:/order
      lines:
        for_each: {{in: "{{{{ order.items }}}}", key: "{{{{ item.sku }}}}", batch: {{key: sku{options}}}{more}}}
        url: b:/products?ids={{keys}}
"""


def started(rig, *names, options="", more=""):
    """Return an endpoint whose order has come with items of these SKUs."""
    one = rig(BATCH.format(options=options, more=more)).start()
    one["/order"].answer({"items": [{"sku": name} for name in names]})
    return one


def test_one_call_fetches_all_keys(rig):
    """Distinct keys in the order of the items; results by item, whatever the order of the answer."""
    one = started(rig, "a", "b", "a", "c")
    assert one.targets[1:] == ["/products?ids=a%2Cb%2Cc"]
    one.sent[1].answer([{"sku": "c", "n": 3}, {"sku": "a", "n": 1}, {"sku": "b", "n": 2}])
    assert [line["n"] for line in one.body["lines"]] == [1, 2, 1, 3]


def test_keys_that_the_answer_lacks_are_null(rig):
    """Missing is no failure: the answer is whole."""
    one = started(rig, "a", "b")
    one.sent[1].answer([{"sku": "b"}, {"sku": "x"}, "no object", {"other": 1}])
    assert one.body["lines"] == [None, {"sku": "b"}]
    assert one.header("aggregator-parts") is None


def test_many_keys_are_cut_into_chunks(rig):
    """Each chunk is one call; the limit on calls under way counts chunks."""
    one = started(rig, *"abcde", options=", size: 2", more=", concurrency: 2")
    assert one.targets[1:] == ["/products?ids=a%2Cb", "/products?ids=c%2Cd"]
    one.sent[2].answer([{"sku": "d"}, {"sku": "c"}])
    assert one.targets[3:] == ["/products?ids=e"]
    one.sent[1].answer([{"sku": "a"}])
    one.sent[3].answer([])
    assert one.body["lines"] == [{"sku": "a"}, None, {"sku": "c"}, {"sku": "d"}, None]


def test_a_lost_chunk_loses_its_own_items_only(rig):
    """``on_error`` is about the items of the chunk that failed."""
    one = started(rig, *"abc", options=", size: 2", more=", on_error: 'null'")
    one.sent[1].fail()
    one.sent[2].answer([{"sku": "c"}])
    assert one.body["lines"] == [None, None, {"sku": "c"}]
    assert one.header("cache-control") == "no-store"


def test_an_item_without_a_key_is_in_no_chunk(rig):
    """Where single items may fail it is lost alone, and nobody is asked for ``null``."""
    one = started(rig, "a", None, "b", more=", on_error: 'null'")
    assert one.targets[1:] == ["/products?ids=a%2Cb"]
    one.sent[1].answer([{"sku": "b"}, {"sku": "a"}])
    assert one.body["lines"] == [{"sku": "a"}, None, {"sku": "b"}]


def test_where_the_list_and_the_key_are_can_be_said(rig):
    """``path`` leads to the list, ``key`` into its elements, both in the grammar of paths."""
    one = rig("""
        fan_out:
          x:
            for_each: {in: "{{ [7, 8] }}", batch: {path: data.items, key: meta.id, separator: '|'}}
            url: a:/things/{keys}
    """).start()
    assert one.targets == ["/things/7%7C8"]
    one.sent[0].answer({"data": {"items": [{"meta": {"id": 8}}, {"meta": {"id": 7}}]}})
    assert one.body == {"x": [{"meta": {"id": 7}}, {"meta": {"id": 8}}]}


def test_numbers_match_their_text(rig):
    """A key that the list says as a number may come back as text."""
    one = rig("fan_out: {x: {for_each: {in: '{{ [7] }}', batch: {key: id}}, url: 'a:/{keys}'}}").start()
    one.sent[0].answer([{"id": "7"}])
    assert one.body == {"x": [{"id": "7"}]}


@pytest.mark.parametrize(("asked", "told"), [("7", "7.0"), ('"7"', "7"), ("7", '"7"'), ("1.5", "1.50"), ("7.0", "7")])
def test_a_batch_and_a_join_match_the_same_keys(serve, asked, told):
    """A number is found under its text and under another way to write it, in both."""
    gateway = serve(
        """
        endpoints:
          GET /batch:
            fan_out:
              x: a:/x
              y: {for_each: {in: "{{ x }}", key: "{{ item.k }}", batch: {key: id}}, url: "a:/y/{keys}"}
          GET /join:
            fan_out: {x: a:/x, y: a:/y}
            response: {join: [{left: "x[].k", right: "y[].id", into: z}]}
        """,
        lambda request: httpx.Response(
            200,
            content=f'[{{"k":{asked}}}]' if request.url.path == "/x" else f'[{{"id":{told}}}]',
            headers={"content-type": "application/json"},
        ),
    )
    assert gateway.get("/batch").content == f'{{"x":[{{"k":{asked}}}],"y":[{{"id":{told}}}]}}'.encode()
    assert f'"z":{{"id":{told}}}' in gateway.get("/join").text


def test_keys_are_a_list_in_expressions(rig):
    """In a JSON body the keys keep their type; in a query they repeat the parameter."""
    one = rig("""
        fan_out:
          x: {for_each: {in: "{{ [7, 8] }}", batch: {key: id}}, url: POST a:/find, json: {ids: "{{ keys }}"}}
          y: {for_each: {in: "{{ [7, 8] }}", batch: {key: id}}, url: a:/find, query: {id: "{{ keys }}"}}
    """).start()
    assert one.sent[0].body == b'{"ids":[7,8]}'
    assert one.sent[1].target == "/find?id=7&id=8"


@pytest.mark.parametrize("answer", [{"a": 1}, "text", None])
def test_an_answer_that_is_no_list_fails(rig, answer):
    """A batch endpoint that changed its shape does not look like one that found nothing."""
    one = started(rig, "a")
    one.sent[1].answer(answer)
    assert (one.answer.status, one.body["cause"]) == (502, "malformed")


def test_a_key_that_holds_the_separator_is_not_sent(rig):
    """It would be taken for two: its item fails, the others are fetched."""
    one = started(rig, "a", "b,c", "d", more=", on_error: 'null'")
    assert one.targets[1:] == ["/products?ids=a%2Cd"]
    one.sent[1].answer([{"sku": "a"}, {"sku": "d"}])
    assert one.body["lines"] == [{"sku": "a"}, None, {"sku": "d"}]


def test_batch_results_can_be_joined_back(rig):
    """The element is put onto its item."""
    one = started(rig, "a", "b", more=", join: {into: product}")
    one.sent[1].answer([{"sku": "b", "n": 2}])
    assert one.body["lines"] == [{"sku": "a", "product": None}, {"sku": "b", "product": {"sku": "b", "n": 2}}]


def test_no_items_make_no_batch(rig):
    """Nothing is asked for nothing."""
    one = started(rig)
    assert (one.targets, one.body["lines"]) == (["/order"], [])


def test_a_shape_is_taken_from_each_element_after_it_was_found(serve):
    """``target`` finds the list, ``allow`` and ``rename`` speak of its elements; the key may be among what goes."""
    gateway = serve(
        """
        endpoints:
          POST /prices:
            body: {type: array}
            fan_out:
              prices:
                for_each: {in: "{{ body }}", key: "{{ item }}", batch: {key: sku}}
                url: a:/products?ids={keys}
                target: data
                allow: [price]
                rename: {price: amount}
        """,
        {"/products": httpx.Response(200, json={"data": [{"sku": "b", "price": 2}, {"sku": "a", "price": 1}]})},
    )
    assert gateway.post("/prices", json=["a", "b", "c"]).json() == {"prices": [{"amount": 1}, {"amount": 2}, None]}


def test_keys_can_be_counted_and_joined(rig):
    """The list of keys goes through filters like any other."""
    one = rig("""
        fan_out:
          x:
            for_each: {in: "{{ ['a', 'b'] }}", batch: {key: id}}
            url: POST a:/find?ids={keys}
            json: {first: "{{ keys[0] }}", text: "{{ keys | join(' or ') }}", count: "{{ keys | length }}"}
    """).start()
    assert one.sent[0].target == "/find?ids=a%2Cb"
    assert one.sent[0].body == b'{"first":"a","text":"a or b","count":2}'
