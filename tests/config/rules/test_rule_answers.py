"""Answers: status maps, headers, shapes, formats, plug-ins, time."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from aggregator.codecs import registry

Say = Callable[..., list[str]]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("{404: 404, 4xx: 400, 5xx: 502, timeout: 504, any: 500}", []),
        (
            "{any: 500, 404: 404}",
            ["unreachable-row ‹404› no failure reaches this row: `any` above matches everything that `404` does"],
        ),
        (
            "{4xx: 400, 404: 404}",
            ["unreachable-row ‹404› no failure reaches this row: `4xx` above matches everything that `404` does"],
        ),
        (
            "{status: 502, 5xx: 503}",
            ["unreachable-row ‹5xx› no failure reaches this row: `status` above matches everything that `5xx` does"],
        ),
        (
            "{status: 502, 503: 503}",
            ["unreachable-row ‹503› no failure reaches this row: `status` above matches everything that `503` does"],
        ),
        (
            "{timeout: 504, reset: 503, network: 502, dns: 502}",
            ["unreachable-row ‹dns› no failure reaches this row: `network` above matches everything that `dns` does"],
        ),
        (
            "{404: 404, '404': 410}",
            ["unreachable-row ‹404› no failure reaches this row: `404` above matches everything that `404` does"],
        ),
        ("[{on: 404, when: '{{ this.body.gone }}', status: 410}, {on: 404, status: 404}]", []),
        ("{201: 200}", ["unreachable-row ‹201› `201` is never a failure"]),
        ("{100: 200}", ["unreachable-row ‹100› `100` is never a failure"]),
        ("{5xx: {pass: true}, malformed: {pass: true}}", []),
        ("{dns: {pass: true}}", ["row-contradiction ‹pass› there is no answer to let through when the cause is `dns`"]),
        (
            "{404: {pass: true, title: Gone}}",
            ["row-contradiction ‹title› `pass` lets the upstream's body through, so `title` cannot be sent"],
        ),
        (
            "{404: {body: {}, detail: Gone}}",
            ["row-contradiction ‹detail› `body` takes the place of the problem document, so `detail` cannot be sent"],
        ),
        ("{404: {status: 204, body: {}}}", ["row-contradiction ‹body› an answer with status 204 has no body"]),
        (
            "{404: {part: call}}",
            ["no-effect ‹part› `part` has no effect at a call, whose map speaks of that call alone"],
        ),
    ],
)
def test_status_maps(say: Say, rows: str, said: list[str]) -> None:
    """Every row can match, and can be done."""
    assert say(f"GET /x: {{call: {{url: users:/x, status_map: {rows}}}}}") == said


REFUSAL = (
    "not-a-refusal ‹422› a refusal of the declared inputs asks no status map: this row is for an upstream's 422 alone"
)


@pytest.mark.parametrize(
    ("endpoint", "said"),
    [
        ("query: {n: integer}, call: users:/x, status_map: {422: 400}", [REFUSAL]),
        ("headers: {x-n: integer}, fan_out: {a: users:/x}, status_map: {422: {detail: No.}}", [REFUSAL]),
        ("call: users:/x, status_map: {422: 400}", []),
        ("query: {n: integer}, call: {url: users:/x, status_map: {422: 400}}", []),
        ("query: {n: integer}, call: users:/x, status_map: {422: {pass: true}}", []),
        ("query: {n: integer}, fan_out: {a: users:/x}, status_map: [{on: 422, part: a, status: 400}]", []),
    ],
)
def test_a_row_that_means_a_refusal_of_inputs(say: Say, endpoint: str, said: list[str]) -> None:
    """Errors of our own have their place in ``server``; a row that says whose 422 it means is good."""
    assert say(f"GET /x: {{{endpoint}}}") == said


def test_rows_after_a_narrow_success(say: Say) -> None:
    """With ``success`` a 2xx can be a failure."""
    assert say("GET /x: {call: {url: users:/x, success: {status: [200]}, status_map: {204: 404}}}") == []


IN_VAIN = "~unreachable-row ‹{}› no failure reaches {}"


@pytest.mark.parametrize(
    ("parts", "marked", "why"),
    [
        ("a: {url: users:/x, optional: true, status_map: {404: 410}}", "status_map", "these rows: `a` is optional"),
        (
            "a: {optional: true, fan_out: {b: {url: users:/x, status_map: {404: 410}}}}",
            "status_map",
            "these rows: `a` is optional",
        ),
        (
            "a: {optional: true, race: [{url: users:/x, status_map: {404: 410}}, users:/y]}",
            "status_map",
            "these rows: `a` is optional",
        ),
        (
            "a: {url: users:/x, optional: true, fallback: [{url: users:/y, status_map: {404: 410}}]}",
            "status_map",
            "these rows: `a` is optional",
        ),
        (
            "a: {url: 'users:/{item}', for_each: {in: '{{ [1] }}', on_error: skip}, status_map: {expression: 410, 404: 410}}",
            "404",
            "this row: an item of `a` that fails is lost alone",
        ),
        (
            "a: {url: users:/x, status_map: {unsuccessful: 410}}",
            "unsuccessful",
            "this row: no call has `success.when`, and none is GraphQL",
        ),
    ],
)
def test_rows_of_calls_that_never_speak(say: Say, parts: str, marked: str, why: str) -> None:
    """A failure that is replaced, or that cannot be, asks no row of a call."""
    assert say(f"GET /x: {{fan_out: {{{parts}}}}}") == [IN_VAIN.format(marked, why)]


@pytest.mark.parametrize(
    ("row", "marked", "why"),
    [
        ("{on: 404, part: may, status: 410}", "may", "this row: `may` is optional"),
        ("{on: 404, part: box, status: 410}", "box", "this row: `box` is optional"),
        ("{on: 404, part: each, status: 410}", "404", "this row: an item of `each` that fails is lost alone"),
        ("{on: 404, part: response, status: 410}", "404", "this row: making the answer never fails with `404`"),
        (
            "{on: unsuccessful, status: 410}",
            "unsuccessful",
            "this row: no call has `success.when`, and none is GraphQL",
        ),
    ],
)
def test_rows_of_endpoints_that_never_speak(say: Say, row: str, marked: str, why: str) -> None:
    """What a row of an endpoint says of a part has to be able to happen to it."""
    endpoint = """\
GET /x:
  fan_out:
    must: users:/x
    may: {url: users:/x, optional: true}
    box: {optional: true, fan_out: {of: users:/x}}
    each: {url: "users:/{item}", for_each: {in: "{{ [1] }}", on_error: skip}}
"""
    assert say(f"{endpoint}  status_map: [{row}]") == [IN_VAIN.format(marked, why)]


def test_rows_where_every_part_may_be_absent(say: Say) -> None:
    """Then only the answer itself can fail."""
    told = say(
        "GET /x: {fan_out: {a: {url: users:/x, optional: true}}, status_map: {404: 410, expression: 410, any: 500}}"
    )
    assert told == [IN_VAIN.format("404", "this row: every part is optional")]


@pytest.mark.parametrize(
    "call",
    [
        "{url: users:/x, success: {when: '{{ this.body.ok }}'}, status_map: {unsuccessful: 410}}",
        "{url: users:/x, fallback: [{url: users:/y, graphql: {query: '{ a }'}}], status_map: {unsuccessful: 410}}",
        "{url: users:/x, when: '{{ query.x == 1 }}', status_map: {404: 410}}",
    ],
)
def test_rows_that_may_speak(say: Say, call: str) -> None:
    """A condition, an alternative that is judged: rows that can come true are left alone."""
    assert say(f"GET /x: {{call: {call}}}") == []


def test_rows_of_alternatives(say: Say) -> None:
    """The status map of an alternative is held to the same rules, its texts too."""
    rows = "{4xx: {detail: '{{ nope.x }}'}, 404: 410}"
    assert say(f"GET /x: {{call: {{url: users:/x, fallback: [{{url: users:/y, status_map: {rows}}}]}}}}") == [
        "unknown-name ‹nope› there is no `nope` here",
        "unreachable-row ‹404› no failure reaches this row: `4xx` above matches everything that `404` does",
    ]


def test_parts_of_status_maps(say: Say) -> None:
    """Rows of an endpoint speak of parts that exist, however deep; rows for different parts do not hide each other."""
    assert (
        say("""\
GET /x:
  fan_out: {a: users:/x, b: {fan_out: {c: users:/y}}}
  status_map: [{on: 404, part: a, status: 404}, {on: 404, part: c, status: 410}, {on: 404, part: d, status: 410}]""")
        == ["unknown-part ‹d› there is no part `d`"]
    )


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        ("{x-id: '{{ request.id }}', x-number: 5, x-off: null}", []),
        (
            "{Content-Length: 5}",
            ["header-name ‹Content-Length› `Content-Length` cannot be set: the connection takes care of it"],
        ),
        ("{x: [a]}", ["header-value ‹[a]› the value of a header is text"]),
        ("{x: €}", []),
        (
            '{x: "a\\tb\\u0001"}',
            ["header-value ‹a\\tb\\u0001› a header value cannot hold a line break or another control character"],
        ),
    ],
)
@pytest.mark.parametrize(
    "place",
    ["call: {url: users:/x, headers: %s}", "call: users:/x\n  response: {headers: %s}", "respond: {headers: %s}"],
)
def test_headers(say: Say, headers: str, said: list[str], place: str) -> None:
    """A header has a name and a value that can be sent, wherever it is set."""
    assert say(f"GET /x:\n  {place % headers}") == said


def test_headers_of_rows_and_requests(say: Say) -> None:
    """Headers of status maps and those that a client may send have names like all others."""
    assert say("GET /x:\n  headers: {'x id': string}\n  call: users:/x\n  status_map: {404: {headers: {te: x}}}") == [
        "header-name ‹x id› `x id` cannot be the name of a header",
        "header-name ‹te› `te` cannot be set: the connection takes care of it",
    ]


def test_forwarded_and_passed_headers(say: Say) -> None:
    """What belongs to one connection stays there."""
    assert say("""\
GET /x:
  forward: {headers: [authorization, Host, "x y"]}
  call: users:/x
  response: {pass_headers: {set-cookie: append, Content-Type: first}}""") == [
        "header-name ‹Host› `Host` belongs to the connection with the client and never goes further",
        "header-name ‹x y› `x y` cannot be the name of a header",
        "header-name ‹Content-Type› `Content-Type` never passes from an upstream to a client",
    ]


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        ("select: 'data[].{id: id}'", []),
        ("select: '{{ this.body.data }}'", []),
        ("target: a.b\n  group: c.d\n  allow: [id, 'items[].sku']\n  rename: {a: b, b: a}", []),
        ("target: a..b", ["bad-path ‹.b› a path needs a name here"]),
        ("group: .x", ["bad-path ‹.x› a path needs a name here"]),
        (
            "allow: [a]\n  deny: [b]",
            ["no-effect ‹deny› `deny` has no effect beside `allow`, which keeps only what it names"],
        ),
    ],
)
def test_shapes(say: Say, shape: str, said: list[str]) -> None:
    """Paths and queries can be compiled, for a call and for an answer."""
    found = say(f"GET /x:\n  call:\n    url: users:/x\n    {shape.replace(chr(10), chr(10) + '  ')}")
    assert found == said
    found = say(f"GET /x:\n  call: users:/x\n  response:\n    {shape.replace(chr(10), chr(10) + '  ')}")
    assert found == said


@pytest.mark.parametrize(
    ("response", "said"),
    [
        ("{merge: deep}", []),
        ("{merge: error}", ["name-clash ‹x.y› `a` and `b` both put their result under `x`"]),
        (
            "{merge: deep, body: {}}",
            ["no-effect ‹merge› `merge` has no effect beside `body`, which says how the parts become one"],
        ),
        ("{join: [{left: 'a[].x', right: 'b[].y', into: z}]}", []),
        (
            "{join: [{left: 'a.x', right: 'b[].y', into: z}]}",
            ["bad-path ‹a.x› this leads to a key in the items of one list"],
        ),
        ("{status: 201, etag: true, cache_control: compute}", []),
        ("{status: '{{ 200 if a else 204 }}'}", []),
        ("{status: 99}", ["bad-status ‹99› 99 is not a status that an answer can have"]),
        ("{status: 304, body: {}}", ["body-of-status ‹body› an answer with status 304 has no body"]),
        (
            '{cache_control: "a\\nb"}',
            ["header-value ‹a\\nb› a header value cannot hold a line break or another control character"],
        ),
        (
            "{cache_control: no-store, headers: {Cache-Control: private}}",
            ["no-effect ‹cache_control› `cache_control` has no effect beside a header of this name"],
        ),
        ("{formats: [json, msgpack]}", []),
        ("{formats: []}", ["no-format ‹[]› no format is left to answer in"]),
    ],
)
def test_responses(say: Say, response: str, said: list[str]) -> None:
    """What is said of an answer has an effect, and is an answer that HTTP allows."""
    assert (
        say(
            "GET /x:\n  fan_out: {a: {url: users:/x, group: x}, b: {url: shop:/x, group: x.y}}\n"
            f"  response: {response}"
        )
        == said
    )


def test_heads_of_streams(say: Say) -> None:
    """What is said of a stream reads the inputs and the head of the upstream's answer, never the body."""
    assert (
        say("""GET /named/{name}:
  stream: true
  call: {url: "users:/{name}", status_map: {404: {detail: "No {{ name }}: {{ this.body.why }}"}}}
  response:
    status: "{{ calls.call.status }}"
    headers: {x-name: "{{ name }} {{ query.a }} {{ headers.b }} {{ request.id }} {{ calls.call.headers.etag }}"}
    pass_headers: {x-cost: first}
  background: {url: shop:/x, json: "{{ response.headers.etag }}"}""")
        == []
    )
    assert say("""GET /x:
  stream: true
  call: users:/x
  response: {status: 204, etag: true, headers: {x-a: "{{ call.id }}", x-b: "{{ calls.call.body.id }}"}}""") == [
        "body-of-status ‹204› an answer with status 204 has no body that could be streamed",
        "stream ‹etag› `etag` has no effect on a stream",
        "stream ‹call› the body of a stream is not read",
        "stream ‹calls.call.body› the body of a stream is not read",
    ]


@pytest.mark.parametrize(
    ("reads", "said"),
    [
        ("body.id", ["stream ‹body› the body of a streaming endpoint is not read"]),
        ("response.body.id", ["stream ‹response.body› the body of a stream is not kept"]),
        ("response.body", ["stream ‹response.body› the body of a stream is not kept"]),
        ("response.status", []),
        ("calls.call.body.id", ["stream ‹calls.call.body› the body of a stream is not read"]),
        ("calls.call.status", []),
        ("call.id", ["stream ‹call› the body of a stream is not read"]),
    ],
)
def test_what_comes_after_a_stream_reads_no_body(say: Say, reads: str, said: list[str]) -> None:
    """A background call reads what every answer has; the mark stands at the body alone."""
    assert (
        say(f"""POST /x:
  stream: true
  call: users:/x
  background: {{url: shop:/x, json: "{{{{ {reads} }}}}"}}""")
        == said
    )


def test_static_answers_alone(say: Say) -> None:
    """A static answer is the whole answer, and cannot fail."""
    assert say("GET /x: {respond: {status: 205, body: x}, response: {status: 200}, status_map: {404: 404}}") == [
        "body-of-status ‹body› an answer with status 205 has no body",
        "no-effect ‹response› `response` has no effect beside `respond`, which is the whole answer",
        "no-effect ‹status_map› a static answer cannot fail",
    ]


@pytest.mark.parametrize(
    ("response", "said"),
    [
        ("join: [{left: 'a[].id', right: 'b.items[].id', into: x}]", []),
        ("body: '{{ a }}', join: [{left: '[].id', right: 'b[].id', into: x}, {left: '[].up', right: '[].id', into: up}]", []),
        ("body: {list: '{{ a }}'}, join: [{left: 'list[].id', right: 'b[].id', into: x}]", []),
        ("merge: append, join: [{left: '[].id', right: 'a[].id', into: x}]", []),
        ("merge: deep, join: [{left: 'items[].id', right: 'others[].id', into: x}]", []),
        ("join: [{left: 'a.id', right: '[]', into: x}]", [
            "bad-path ‹a.id› this leads to a key in the items of one list",
            "bad-path ‹[]› this leads to a key in the items of one list",
        ]),
        ("join: [{left: '[].id', right: 'b[].id', into: x}]", [
            "unknown-list ‹[].id› the answer is an object, not a list",
        ]),
        ("join: [{left: 'aa[].id', right: '[].id', into: x}]", [
            "unknown-list ‹aa› the answer has no `aa`",
            "unknown-list ‹[].id› the answer has a list under a name, so it is none itself",
        ]),
        ("body: {list: '{{ a }}'}, join: [{left: 'a[].id', right: 'c[].id', into: x}]", [
            "unknown-list ‹a› the answer has no `a`",
            "unknown-part ‹c› there is no part `c`",
        ]),
        ("body: '{{ a }}', join: [{left: '[].id', right: 'bb.items[].id', into: x}]", [
            "unknown-part ‹bb› there is no part `bb`",
        ]),
    ],
)  # fmt: skip
def test_lists_of_joins(say: Say, response: str, said: list[str]) -> None:
    """Both lists are in the answer, or the one that is looked up is that of a part."""
    assert say(f"GET /x: {{fan_out: {{a: users:/a, b: users:/b}}, response: {{{response}}}}}") == said


def test_joins_of_single_calls(say: Say) -> None:
    """Its body may be anything, so nothing is known to be missing; but the list looked up can be no other."""
    join = "GET /x: {call: users:/x, response: {join: [{left: '%s', right: '%s', into: up}]}}"
    assert say(join % ("[].up", "[].id")) == say(join % ("list[].up", "others[].id")) == []
    assert say(join % ("[].up", "others[].id")) == ["unknown-part ‹others› there is no part `others`"]


def test_merges_of_single_calls(say: Say) -> None:
    """There is nothing to merge in one result."""
    assert say("GET /x: {call: users:/x, response: {merge: last}}") == [
        "no-effect ‹merge› `merge` has no effect without a `fan_out`"
    ]


@pytest.mark.parametrize(
    ("plugins", "transform", "said"),
    [
        ("[my_plugin]", "my_plugin:clean", []),
        ("[my.plugin]", "my.plugin:clean", []),
        ("[my_plugin]", "my_plugn:clean", ["unknown-plugin ‹my_plugn› the plug-in `my_plugn` is not declared"]),
        ("[]", "my_plugin:clean", ["unknown-plugin ‹my_plugin› the plug-in `my_plugin` is not declared"]),
        ("[my_plugin]", "clean", ["bad-transform ‹clean› a transform is named `module:function`"]),
        (
            "[plugins/clean.py]",
            "plugins.clean:tidy",
            [
                "bad-plugin ‹plugins/clean.py› a plug-in is the name of a Python module",
                "unknown-plugin ‹plugins.clean› the plug-in `plugins.clean` is not declared",
            ],
        ),
        (
            "['-']",
            "x:y",
            [
                "bad-plugin ‹-› a plug-in is the name of a Python module",
                "unknown-plugin ‹x› the plug-in `x` is not declared",
            ],
        ),
    ],
)
def test_plugins(say: Say, plugins: str, transform: str, said: list[str]) -> None:
    """A transform names a function of a declared module."""
    more = f"plugins: {plugins}\n"
    found = say(f"GET /x: {{call: users:/x, response: {{transform: '{transform}'}}}}", more=more)
    assert found == said


def test_formats_that_need_a_package(say: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    """A format whose package is missing is found at load, with the command that installs it."""
    monkeypatch.setattr(registry, "is_installed", lambda codec: codec.package is None)
    registry.require.cache_clear()
    around = "version: 1\nupstreams: {users: {url: https://u.example.com, format: xml}}\n"
    try:
        found = say("GET /x: {call: {url: users:/x, format: xml}, response: {formats: [json, xml]}}", around)
    finally:
        registry.require.cache_clear()
    assert found == ["missing-package ‹xml› the format `xml` needs the package xmltodict"] * 3


@pytest.mark.parametrize(
    ("endpoint", "said"),
    [
        (
            "{timeout: 1s, call: {url: users:/x, timeout: 2s}}",
            ["~timeout-too-long ‹2s› the call may take 2s, but the whole endpoint only has 1s"],
        ),
        (
            "{call: {url: users:/x, timeout: 9s}}",
            ["~timeout-too-long ‹9s› the call may take 9s, but the whole endpoint only has 5s"],
        ),
        ("{stream: true, idle_timeout: 5s, call: {url: users:/x, timeout: 9s}}", []),
        ("{timeout: 1s, call: users:/x, background: {url: shop:/x, timeout: 9s}}", []),
        (
            "{idle_timeout: 1s, call: users:/x}",
            ["no-effect ‹idle_timeout› `idle_timeout` has no effect without `stream: true`"],
        ),
    ],
)
def test_timeouts(say: Say, endpoint: str, said: list[str]) -> None:
    """A limit that a shorter one around it cuts is worth a warning."""
    assert say(f"GET /x: {endpoint}", more="defaults: {deadline: 5s}\n") == said
