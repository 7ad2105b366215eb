"""What is only moved is copied byte for byte, and the same inputs give the same bytes in whatever order they arrive."""

from __future__ import annotations

from itertools import permutations

import httpx
import pytest

ODD = (
    b'{"one": 1.0, "big": 1180591620717411303424, "exp": 1E400, "zero": -0, "price": 1.10, '
    b'"dup": 1, "dup": 2, "u": "\\u00e4\xc3\xa4"}'
)


@pytest.mark.parametrize(
    ("endpoint", "expected"),
    [
        ("call: a:/x", ODD),
        ("fan_out: {x: a:/x}", b'{"x":%b}' % ODD),
        ("fan_out: {g: {fan_out: {x: a:/x}}}", b'{"g":{"x":%b}}' % ODD),
        ("fan_out: {x: {race: [a:/x]}}", b'{"x":%b}' % ODD),
        (
            "fan_out: {x: a:/x}\nresponse: {body: {y: ['{{ x }}', 1], s: '{{ calls.x.status }}'}}",
            b'{"y":[%b,1],"s":200}' % ODD,
        ),
        ("fan_out: {x: a:/x}\nresponse: {body: '{{ calls.x.body }}'}", ODD),
        ("call: a:/x\nresponse: {body: {all: '{{ call }}'}}", b'{"all":%b}' % ODD),
        ("fan_out: {x: {for_each: '{{ [1] }}', url: 'a:/x'}}", b'{"x":[%b]}' % ODD),
        (
            "fan_out: {x: {for_each: {in: '{{ [1] }}', join: {into: y}}, url: 'a:/x'}}",
            b'{"x":[{"item":1,"y":%b}]}' % ODD,
        ),
    ],
)
def test_digits_keys_and_order_stay(rig, endpoint, expected):
    """Numbers that no float holds, duplicate keys, escapes and blanks: nothing is read that is only moved."""
    one = rig(endpoint).start()
    one["/x"].answer(body=ODD)
    assert one.answer.body == expected


def test_the_body_of_the_client_keeps_every_digit(serve):
    """Moved upstream and back as a whole, its numbers stay as they were written."""
    gateway = serve(
        """
        endpoints:
          POST /x:
            body: {type: object}
            call: {url: POST a:/x, json: {order: "{{ body }}"}}
            response: {body: "{{ body }}"}
        """,
        {"/x": True},
    )
    sent = b'{"price":1.10,"rate":0.12345678901234567891}'
    answer = gateway.post("/x", content=sent, headers={"content-type": "application/json"})
    assert gateway.upstream.last.content == b'{"order":%b}' % sent
    assert answer.content == sent


def test_a_body_with_blanks_around_it_is_spliced_without_them(rig):
    """White space around a body is not part of its value."""
    one = rig("fan_out: {x: a:/x, y: a:/y}").start()
    one["/x"].answer(body=b"\r\n [1 , 2]\t\n")
    one["/y"].answer(body=b" 1 ", content_type="application/hal+json")
    assert one.answer.body == b'{"x":[1 , 2],"y":1}'


def test_names_of_parts_are_keys_in_declared_order(rig):
    """The order is that of the file; every order of arrival gives the same bytes."""
    bodies = {"/b": b'{"z":1,"a":2}', "/a": b"1.0", "/c": b"[]"}
    answers = set()
    for order in permutations(bodies):
        one = rig("fan_out: {b: a:/b, a: a:/a, c-d: a:/c}").start()
        for target in order:
            one[target].answer(body=bodies[target])
        answers.add(one.answer.body)
    assert answers == {b'{"b":{"z":1,"a":2},"a":1.0,"c-d":[]}'}


@pytest.mark.parametrize("merge", ["deep", "first", "last", "append"])
def test_merges_do_not_depend_on_arrival(rig, merge):
    """Ranks and positions follow the file."""
    bodies = {"/1": {"k": 1, "a": [1]}, "/2": {"k": 2, "a": [2], "n": 1}, "/3": {"n": 3}}
    answers = set()
    for order in permutations(bodies):
        one = rig(f"fan_out: {{p1: a:/1, p2: a:/2, p3: a:/3}}\nresponse: {{merge: {merge}}}").start()
        for target in order:
            one[target].answer(bodies[target])
        answers.add(one.answer.body)
    assert len(answers) == 1


def test_what_an_expression_reads_is_data(rig):
    """A part that is read into is parsed; integers stay exact however large."""
    one = rig("fan_out: {x: a:/x}\nresponse: {body: {n: '{{ x.n }}', more: '{{ x.n + 1 }}', f: '{{ x.f }}'}}").start()
    one["/x"].answer(body=b'{"n": 1180591620717411303424, "f": 1.0}')
    assert one.answer.body == b'{"n":1180591620717411303424,"more":1180591620717411303425,"f":1.0}'


def test_a_partial_answer_is_spliced_too(rig):
    """A default stands among copied bytes."""
    one = rig("fan_out: {x: a:/x, y: {url: a:/y, optional: true, default: {p: 1.0, t: \u00e4}}}").start()
    one["/y"].fail()
    one["/x"].answer(body=ODD)
    assert one.answer.body == b'{"x":%b,"y":{"p":1.0,"t":"\xc3\xa4"}}' % ODD


NUMBERS = b'{"d":{"p":1.10,"big":12345678901234567890.123456789,"one":1.0,"k":7}}'
KEPT = b'{"p":1.10,"big":12345678901234567890.123456789,"one":1.0,"k":7}'


@pytest.mark.parametrize(
    ("endpoint", "expected"),
    [
        ("fan_out: {x: {url: a:/x, target: d}}", b'{"x":%b}' % KEPT),
        (
            "fan_out: {x: {url: a:/x, target: d, rename: {p: q}, deny: [one, k]}}",
            b'{"x":{"q":1.10,"big":12345678901234567890.123456789}}',
        ),
        ("fan_out: {x: {url: a:/x, allow: [d.p], group: g}}", b'{"x":{"g":{"d":{"p":1.10}}}}'),
        ("fan_out: {x: {race: [a:/x], target: d}}", b'{"x":%b}' % KEPT),
        ("fan_out: {x: {fan_out: {y: a:/x}, target: y.d}}", b'{"x":%b}' % KEPT),
        ("call: a:/x\nresponse: {target: d}", KEPT),
        ("call: a:/x\nresponse: {fields: true}", NUMBERS),
        ("fan_out: {x: a:/x, y: {url: a:/x, target: d}}\nresponse: {merge: deep}", NUMBERS[:-1] + b"," + KEPT[1:]),
        ("fan_out: {x: {for_each: {in: '{{ [7] }}', batch: {key: d.k}}, url: 'a:/x?{keys}'}}", b'{"x":[%b]}' % NUMBERS),
        ("fan_out: {x: {url: POST a:/x, graphql: {query: q}}}", b'{"x":%b}' % KEPT),
    ],
)
def test_moving_and_removing_keeps_every_digit(serve, endpoint, expected):
    """Shapes, merges, batches, fields and GraphQL change the structure, and no number that no float can hold."""
    body = (
        NUMBERS.replace(b'"d"', b'"data"')
        if "graphql" in endpoint
        else b"[%b]" % NUMBERS
        if "batch" in endpoint
        else NUMBERS
    )
    answer = httpx.Response(200, content=body, headers={"content-type": "application/json"})
    text = "endpoints:\n  GET /x:\n" + "".join(
        f"    {line}\n" for line in endpoint.replace("?{keys}", "?ids={keys}").splitlines()
    )
    assert serve(text, lambda _: answer).get("/x").content == expected


def test_joined_lists_keep_every_digit(serve):
    """A join by key copies both sides as they are, and matches numbers however they are written."""
    bodies = {"/l": b'[{"id":1.0,"p":1.10}]', "/r": b'[{"id":1,"q":2.20}]'}
    text = """
        endpoints:
          GET /x:
            fan_out: {l: a:/l, r: a:/r}
            response: {join: [{left: "l[].id", right: "r[].id", into: r}], deny: [r], meta: false}
    """
    answers = {
        path: httpx.Response(200, content=body, headers={"content-type": "application/json"})
        for path, body in bodies.items()
    }
    assert serve(text, answers).get("/x").content == b'{"l":[{"id":1.0,"p":1.10,"r":{"id":1,"q":2.20}}]}'


def test_what_was_moved_can_still_be_computed_with(rig):
    """An expression over a shaped part sees ordinary numbers."""
    one = rig(
        "fan_out: {x: {url: a:/x, target: d}}\nresponse: {body: {sum: '{{ x.p + 1.5 }}', all: '{{ x }}'}}"
    ).start()
    one["/x"].answer(body=NUMBERS)
    assert one.answer.body == b'{"sum":2.6,"all":%b}' % KEPT


@pytest.mark.parametrize(
    ("endpoint", "expected"),
    [
        (
            "fan_out: {x: a:/x}\nresponse: {body: {p: '{{ x.d.p }}', big: '{{ x.d.big }}'}}",
            b'{"p":1.10,"big":12345678901234567890.123456789}',
        ),
        ("fan_out: {x: a:/x}\nresponse: {body: {d: '{{ x.d }}'}}", NUMBERS),
        ("fan_out: {x: a:/x}\nresponse: {body: '{{ calls.x.body.d }}'}", KEPT),
        (
            "call: a:/x\nresponse: {body: ['{{ call.d.p }}', '{{ call.d.none }}', '{{ call.none.p }}']}",
            b"[1.10,null,null]",
        ),
        ("fan_out: {g: {fan_out: {x: a:/x}}}\nresponse: {body: '{{ g.x.d.p }}'}", b"1.10"),
        ("fan_out: {x: {url: a:/x, target: d}}\nresponse: {body: {p: '{{ x.p }}'}}", b'{"p":1.10}'),
    ],
)
def test_what_a_path_leads_to_keeps_every_digit(rig, endpoint, expected):
    """A value that is placed somewhere else is moved, not computed, wherever in a result it stood."""
    one = rig(endpoint).start()
    one["/x"].answer(body=NUMBERS)
    assert one.answer.body == expected


def test_a_value_stands_beside_a_number_that_no_float_can_hold(rig):
    """What is only moved asks nothing of its neighbours."""
    one = rig("fan_out: {x: a:/x}\nresponse: {body: {p: '{{ x.price }}', e: '{{ x.exp }}'}}").start()
    one["/x"].answer(body=ODD)
    assert one.answer.body == b'{"p":1.10,"e":1E+400}'


def test_values_of_the_client_and_of_items_are_sent_with_every_digit(serve):
    """Amounts of an order go upstream line by line as the client wrote them; so do items that another call gave."""
    gateway = serve(
        """
        endpoints:
          POST /x:
            body: {type: object}
            fan_out:
              total: {url: POST a:/total, json: {amount: "{{ body.total }}"}}
              lines:
                for_each: "{{ body.lines }}"
                url: POST a:/lines
                json: {line: "{{ item }}", price: "{{ item.price }}", n: "{{ index }}"}
              rates: a:/rates
              applied:
                for_each: "{{ rates }}"
                url: POST a:/applied
                json: {rate: "{{ item[0] }}", beside: "{{ body.total }}"}
        """,
        lambda request: httpx.Response(
            200,
            content=b"[[0.50],[0.50],[1.00]]" if request.url.path == "/rates" else request.content,
            headers={"content-type": "application/json"},
        ),
    )
    sent = b'{"total":2.20,"lines":[{"price":1.10},{"price":1.1}]}'
    answer = gateway.post("/x", content=sent, headers={"content-type": "application/json"})
    assert answer.content == (
        b'{"total":{"amount":2.20},'
        b'"lines":[{"line":{"price":1.10},"price":1.10,"n":0},{"line":{"price":1.1},"price":1.1,"n":1}],'
        b'"rates":[[0.50],[0.50],[1.00]],'
        b'"applied":[{"rate":0.50,"beside":2.20},{"rate":0.50,"beside":2.20},{"rate":1.00,"beside":2.20}]}'
    )


def test_items_that_were_computed_are_what_was_computed(rig):
    """A list that an expression made has no older form."""
    one = rig("fan_out: {x: {for_each: '{{ [1.10] }}', url: POST a:/x, json: {p: '{{ item }}'}}}").start()
    assert one["/x"].body == b'{"p":1.1}'


def test_a_path_into_a_result_that_was_computed_reads_the_computed_one(rig):
    """A shape with an expression leaves its own numbers behind, not those that came."""
    one = rig(
        "fan_out: {x: {url: a:/x, select: '{{ {\"p\": this.body.d.p * 2} }}'}}\n"
        "response: {body: {p: '{{ x.p }}', q: '{{ x.p + 1 }}'}}"
    ).start()
    one["/x"].answer(body=NUMBERS)
    assert one.answer.body == b'{"p":2.2,"q":3.2}'


def test_background_calls_are_sent_what_the_client_got(serve):
    """The answer keeps every digit on its way into an audit, also beside a number that no float can hold."""
    gateway = serve(
        """
        endpoints:
          GET /x:
            call: a:/x
            background:
              - {url: POST a:/audit, json: {p: "{{ response.body.price }}", exp: "{{ response.body.exp }}"}}
        """,
        lambda request: httpx.Response(200, content=ODD, headers={"content-type": "application/json"}),
    )
    assert gateway.get("/x").content == ODD
    gateway.close()
    assert gateway.upstream.last.content == b'{"p":1.10,"exp":1E+400}'


def test_an_answer_that_is_no_data_is_sent_as_text(serve):
    """A background call can place it, and a path into it leads nowhere."""
    gateway = serve(
        """
        endpoints:
          GET /x:
            respond: {body: "plain", headers: {content-type: text/plain}}
            background:
              - {url: POST a:/audit, json: {all: "{{ response.body }}", none: "{{ response.body.n }}"}}
        """,
        {"/audit": True},
    )
    assert gateway.get("/x").text == "plain"
    gateway.close()
    assert gateway.upstream.last.content == b'{"all":"plain","none":null}'


def test_values_of_an_outer_part_keep_every_digit_in_calls_for_each_item(rig):
    """A path is looked up outwards until it is found."""
    one = rig(
        "fan_out: {x: a:/x, y: {for_each: '{{ [1] }}', url: POST a:/y, json: {p: '{{ x.d.p }}', n: '{{ item }}'}}}"
    ).start()
    one["/x"].answer(body=NUMBERS)
    assert one["/y"].body == b'{"p":1.10,"n":1}'


def test_a_path_into_no_body_leads_nowhere(serve):
    """A request without a body has no value, and no number to keep."""
    text = "endpoints:\n  POST /x: {respond: {body: {p: '{{ body.p }}'}}}\n"
    assert serve(text).post("/x").content == b'{"p":null}'
