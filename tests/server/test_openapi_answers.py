"""Which answers the document announces: statuses by inputs, calls and status maps; bodies by what makes them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aggregator.config.loading import load_config
from aggregator.plan.compiler import compile_plan
from aggregator.server.openapi import build_openapi

HEAD = """
version: 1
plugins: [json]
upstreams: {users: {url: https://users.example}, shop: {url: https://shop.example}}
endpoints:
"""
DEFAULTS = ["404", "502", "503", "504"]
UNREADABLE = {"$ref": "#/components/responses/BadRequest"}

Operation = dict[str, Any]


@pytest.fixture
def operation(tmp_path: Path) -> Callable[[str], Operation]:
    """Return the function from one endpoint in YAML to its operation, without the answer that all of them have."""

    def describe(endpoint: str) -> Operation:
        file = tmp_path / "routes.yaml"
        file.write_text(f"{HEAD}  {endpoint.strip()}\n")
        [item] = build_openapi(compile_plan(load_config(file)))["paths"].values()
        [found] = item.values()
        responses = {key: value for key, value in found["responses"].items() if value != UNREADABLE}
        return found | {"responses": responses}

    return describe


@pytest.mark.parametrize(
    ("endpoint", "statuses"),
    [
        ("GET /a: {respond: {body: hello}}", ["200"]),
        ("GET /a: {respond: {status: 418, body: '{{ query.x }}'}}", ["418"]),
        ("GET /a: {respond: {body: '{{ query.x | upper }}'}}", ["200", "502"]),
        ("GET /a: {respond: {body: 1, headers: {x-a: '{{ query.x }}'}}}", ["200", "502"]),
        ("GET /a: {call: users:/a}", ["200", "2XX", *DEFAULTS]),
        ("GET /a: {call: {url: users:/a, optional: true}}", ["200", "2XX"]),
        ("GET /a: {call: {url: users:/a, success: {status: [200, 404]}}}", ["200", "404", "502", "503", "504"]),
        ("GET /a: {call: users:/a, response: {body: 1}}", ["200", "2XX", *DEFAULTS]),
        ("GET /a: {call: users:/a, response: {status: 201}}", ["201", *DEFAULTS]),
        ("GET /a: {call: users:/a, response: {status: '{{ 201 if call.new else 200 }}'}}", [*DEFAULTS, "default"]),
        ("GET /a: {call: users:/a, response: {etag: true}}", ["200", "2XX", "304", *DEFAULTS]),
        ("GET /a: {cache: 10s, fan_out: {b: users:/b}}", ["200", "206", "304", "404", "416", "502", "503", "504"]),
        ("HEAD /a: {cache: 10s, call: 'HEAD users:/b'}", ["200", "2XX", "304", *DEFAULTS]),
        ("POST /a: {call: users:/a, response: {etag: true}}", ["200", "2XX", *DEFAULTS]),
        ("GET /a: {fan_out: {b: users:/b}}", ["200", *DEFAULTS]),
        ("GET /a: {fan_out: {b: {url: users:/b, optional: true}}}", ["200"]),
        ("GET /a: {fan_out: {b: {url: users:/b, optional: true}}, response: {merge: error}}", ["200", "502"]),
        ("GET /a: {fan_out: {b: {for_each: {in: '{{ [1] }}', on_error: skip}, url: 'users:/{item}'}}}", ["200", "502"]),
        ("GET /a: {fan_out: {b: {race: [users:/b, {fan_out: {c: {url: users:/c, optional: true}}}]}}}", ["200"]),
        ("GET /a: {fan_out: {b: {fan_out: {c: {url: users:/c, optional: true}}}}}", ["200"]),
        ("GET /a: {fan_out: {b: {fan_out: {c: users:/c}}}}", ["200", *DEFAULTS]),
        (
            "GET /a: {fan_out: {b: {url: users:/b, optional: true}}, response: {formats: [json, msgpack]}}",
            ["200", "406", "502"],
        ),
    ],
)  # fmt: skip
def test_statuses_of_answers(operation: Callable[[str], Operation], endpoint: str, statuses: list[str]) -> None:
    """Every status that can be answered is announced, and no other."""
    assert list(operation(endpoint)["responses"]) == statuses


@pytest.mark.parametrize(
    ("status_map", "statuses"),
    [
        ("{404: 410}", ["410", "502", "503", "504"]),
        ("{404: 410, 4xx: 400}", ["400", "410", "502", "503", "504"]),
        ("{timeout: 503}", ["404", "502", "503"]),
        ("{any: 500}", ["500"]),
        ("{status: 500, network: 500, invalid_body: 500}", ["500", "503", "504"]),
        ("{unsuccessful: 409}", DEFAULTS),
        ("{overloaded: {detail: Too much}}", DEFAULTS),
        ("{4xx: {pass: true}}", ["4XX", "502", "503", "504"]),
        ("{404: {pass: true}, 409: {pass: true}}", ["404", "409", "502", "503", "504"]),
        ("{5xx: {pass: true, status: 500}}", ["404", "500", "502", "503", "504"]),
        ("{any: {pass: true}}", ["200", "2XX", "3XX", "4XX", "502", "503", "504", "5XX"]),
        ("{500: {pass: true}, any: {status: 200, body: []}}", ["200", "2XX", "500"]),
        ("[{'on': 404, when: '{{ this.body.gone }}', status: 410}]", ["404", "410", "502", "503", "504"]),
    ],
)
def test_statuses_by_status_maps(operation: Callable[[str], Operation], status_map: str, statuses: list[str]) -> None:
    """The first row that matches decides; a row for what cannot happen announces nothing."""
    found = operation(f"GET /a: {{call: {{url: users:/a, status_map: {status_map}}}}}")["responses"]
    assert [key for key in found if key not in ("200", "2XX")] == [key for key in statuses if key not in ("200", "2XX")]


@pytest.mark.parametrize(
    ("inputs", "statuses"),
    [
        ("params: {id: string}", []),
        ("params: {id: integer}", ["422"]),
        ("params: {id: {pattern: '^a'}}", ["422"]),
        ("query: {q: {type: array, items: {type: string}}}", []),
        ("query: {q: string}", ["422"]),
        ("headers: {x-a: string}", []),
        ("headers: {x-a: {type: string, required: true}}", ["422"]),
        ("body: {type: object}", ["408", "413", "415", "422"]),
        ("status_map: {any: {status: 404, detail: '{{ body.x }}'}}", ["408", "413", "415"]),
        ("forward: {body: true}", ["408", "413"]),
        ("stream: true, forward: {body: true}", ["413"]),
    ],
)
def test_statuses_of_refusals(operation: Callable[[str], Operation], inputs: str, statuses: list[str]) -> None:
    """A request is refused only for what is declared, and for a body only where one is read."""
    found = operation(f"PUT /a/{{id}}: {{call: {{method: PUT, url: users:/a}}, {inputs}}}")["responses"]
    assert [key for key in found if key in ("406", "408", "413", "415", "422")] == statuses


def test_every_endpoint_refuses_what_it_cannot_read(tmp_path: Path) -> None:
    """A query that is not percent-encoded UTF-8 is 400, whatever the endpoint declares."""
    file = tmp_path / "routes.yaml"
    file.write_text(f"{HEAD}  GET /a: {{respond: {{body: 1}}}}\n  GET /b/{{id}}: {{call: 'users:/{{id}}'}}\n")
    for item in build_openapi(compile_plan(load_config(file)))["paths"].values():
        assert item["get"]["responses"]["400"] == UNREADABLE


def test_a_race_fails_as_its_first_runner(operation: Callable[[str], Operation]) -> None:
    """When all runners fail the first one speaks for them, or the next where that may be skipped; with its own rows."""
    found = operation("""GET /a:
    fan_out:
      b:
        race:
          - {url: users:/b, when: "{{ query.x }}", status_map: {any: 500}}
          - {url: shop:/b, status_map: {any: 501}}
          - {url: shop:/c, status_map: {any: 505}}
""")
    assert list(found["responses"]) == ["200", "500", "501"]


def test_a_function_that_fails_is_a_fault(operation: Callable[[str], Operation]) -> None:
    """A plug-in can fail the answer by a fault of its own, wherever it stands."""
    announced = [
        list(operation(f"GET /a: {endpoint}")["responses"])
        for endpoint in (
            '{fan_out: {b: {url: users:/b, transform: "json:dumps"}}}',
            '{fan_out: {b: {race: [users:/b, shop:/b], transform: "json:dumps"}}}',
            '{fan_out: {b: users:/b}, response: {transform: "json:dumps"}}',
        )
    ]
    assert announced == [["200", "404", "500", "502", "503", "504"]] * 3


def test_rows_say_what_the_client_reads(operation: Callable[[str], Operation]) -> None:
    """A row brings its own text, title, body and headers into the document."""
    responses = operation("""GET /a:
    call: users:/a
    status_map:
      404: {detail: Nobody here}
      409: {status: 409, title: Taken, headers: {x-owner: "{{ this.headers.owner }}"}}
      timeout: {status: 200, body: {late: true}}
      network: {status: 503, body: later}
      5xx: {status: 204}
      418: {status: 418, body: "{{ this.body }}"}
""")["responses"]
    assert responses["404"]["description"] == "Nobody here."
    assert responses["404"]["content"]["application/problem+json"]["example"] == {
        "type": "about:blank", "title": "Not Found", "status": 404, "detail": "Nobody here",
    }  # fmt: skip
    assert responses["409"]["description"] == "Taken."
    assert list(responses["409"]["headers"]) == ["x-owner", "x-request-id"]
    assert responses["200"]["description"] == "What `users` answers. What stands in for a part that failed."
    assert list(responses["200"]["content"]) == ["*/*", "application/json"]
    assert "text/plain" in responses["503"]["content"]
    assert "retry-after" in responses["503"]["headers"]
    assert "content" not in responses["204"]
    assert responses["418"]["content"] == {"*/*": {}}


def test_headers_of_answers(operation: Callable[[str], Operation]) -> None:
    """Declared headers, passed ones, tags, caching and the state of parts are announced where they can be sent."""
    found = operation("""GET /a:
    fan_out: {b: users:/b, c: {for_each: {in: "{{ b }}", on_error: "null"}, url: "shop:/{item}"}}
    response: {etag: true, headers: {X-Own: 1}, pass_headers: {set-cookie: append}, formats: [json, msgpack]}
""")["responses"]
    names = {"aggregator-parts", "cache-control", "etag", "set-cookie", "vary", "x-own", "x-request-id"}
    assert set(found["200"]["headers"]) == names
    assert found["200"]["headers"]["x-own"] == {"schema": {"type": "string"}}
    assert list(operation("GET /a: {call: users:/a}")["responses"]["200"]["headers"]) == ["x-request-id"]


@pytest.mark.parametrize(
    ("endpoint", "media"),
    [
        ("GET /a: {call: users:/a}", ["*/*"]),
        ("GET /a: {call: users:/a, stream: true}", ["*/*"]),
        ("GET /a: {call: {url: users:/a, allow: [id]}}", ["application/json"]),
        ("GET /a: {call: users:/a, response: {meta: true}}", ["application/json"]),
        ("GET /a: {fan_out: {b: users:/b}}", ["application/json"]),
        (
            "GET /a: {fan_out: {b: users:/b}, response: {formats: [msgpack, json]}}",
            ["application/vnd.msgpack", "application/json"],
        ),
        ("GET /a: {respond: {body: 1, headers: {content-type: text/csv; charset=utf-8}}}", ["text/csv"]),
        ("GET /a: {respond: {body: 1, headers: {content-type: '{{ query.t }}'}}}", ["*/*"]),
        ("HEAD /a: {respond: {body: 1}}", None),
        ("GET /a: {respond: {status: 204}}", None),
        ("GET /a: {respond: {status: 202}}", None),
    ],
)  # fmt: skip
def test_media_types(operation: Callable[[str], Operation], endpoint: str, media: list[str] | None) -> None:
    """JSON where we write it, the declared formats, and anything where an upstream's own body passes through."""
    first = next(iter(operation(endpoint)["responses"].values()))
    assert (list(first["content"]) if "content" in first else None) == media


def schema_of(found: Operation) -> dict[str, Any]:
    """Return the schema of the first answer of an operation."""
    first = next(iter(found["responses"].values()))
    schema: dict[str, Any] = next(iter(first["content"].values())).get("schema", {})
    return schema


NULL = {"type": "null"}
TEXT = {"type": "string"}


def thing(**properties: Any) -> dict[str, Any]:
    """Return the schema of an object with these properties, all required."""
    return {"type": "object", "properties": properties, "required": list(properties)}


def test_schema_of_a_fan_out(operation: Callable[[str], Operation]) -> None:
    """An object with every part under its name; what stands in for a part is part of its schema."""
    schema = schema_of(
        operation("""GET /a:
    fan_out:
      plain: users:/a
      careless: {url: users:/a, optional: true}
      counted: {url: users:/a, optional: true, default: {count: 0}}
      listed: {for_each: "{{ plain }}", url: "shop:/{item}", optional: true}
      joined: {for_each: {in: "{{ plain }}", join: {into: product}}, url: "shop:/{item}"}
      emptied: {for_each: "{{ plain }}", url: "shop:/{item}", optional: true, default: []}
      worded: {for_each: "{{ plain }}", url: "shop:/{item}", optional: true, default: none}
      computed: {url: users:/a, optional: true, default: "{{ plain.id }}"}
      skipped: {url: users:/a, when: "{{ plain.id }}"}
      nested: {fan_out: {one: users:/one}, group: inside}
      raced: {race: [{url: users:/r, group: a}, {url: shop:/r, group: b}]}
""")
    )
    parts = schema["properties"]
    assert schema["required"] == list(parts)
    assert parts["plain"] == {"examples": [{}], "description": "What `users` answers."}
    assert parts["careless"]["description"] == "What `users` answers. `null` when it fails."
    assert parts["counted"]["default"] == {"count": 0}
    assert parts["listed"]["type"] == ["array", "null"]
    assert parts["joined"]["items"] == {"type": "object", "properties": {"product": {}}, "required": ["product"]}
    assert (parts["emptied"]["type"], parts["emptied"]["default"]) == ("array", [])
    assert parts["worded"]["anyOf"] == [{"type": "array", "items": {}}, TEXT]
    assert parts["computed"]["description"] == "What `users` answers. Its default when it fails."
    assert parts["skipped"]["description"] == "What `users` answers. `null` when it is skipped."
    assert list(parts["nested"]["properties"]["inside"]["properties"]) == ["one"]
    assert parts["raced"] == {"anyOf": [thing(a={}), thing(b={})]}


@pytest.mark.parametrize(
    ("body", "schema"),
    [
        ("hello", TEXT),
        ("null", NULL),
        ("{a: 1, b: [true, 2.5], c: {}}", thing(
            a={"type": "integer"},
            b={"type": "array", "items": {"anyOf": [{"type": "boolean"}, {"type": "number"}]}},
            c={"type": "object"},
        )),
        ("'{{ order.id }}'", {}),
        ("'{{ order.id + 1 }}'", {}),
        ("'order {{ order.id }}'", TEXT),
        ("{list: ['{{ order.id }}', 1]}", thing(list={"type": "array"})),
        ("{lines: '{{ lines }}'}", thing(lines={"type": "array", "items": {}})),
        ("'{{ id }}'", {"type": "integer", "minimum": 1}),
        ("'{{ slug }}'", TEXT),
        ("'{{ query.page }}'", {"type": "integer"}),
        ("'{{ query.sort }}'", {"anyOf": [{"enum": ["a", "b"], "type": "string"}, NULL]}),
        ("'{{ query.q }}'", {"type": ["string", "null"], "description": "Words."}),
        ("'{{ request.id }}'", TEXT),
        ("'{{ group.inner }}'", {"examples": [{}], "description": "What `shop` answers."}),
        ("'{{ group.inner.deeper }}'", {}),
        ("'{{ calls.order.status }}'", {}),
        ("'{{ body }}'", {"$ref": "#/components/schemas/post_a_by_id_by_slug_body"}),
        ("'{{ body.a }}'", {}),
    ],
)  # fmt: skip
def test_schema_of_a_body(operation: Callable[[str], Operation], body: str, schema: dict[str, Any]) -> None:
    """Constants give their type, names what is declared for them, and what nobody knows stays open."""
    found = operation(f"""POST /a/{{id}}/{{slug}}:
    params: {{id: {{type: integer, minimum: 1, example: 3}}}}
    query: {{page: {{type: integer, default: 1}}, sort: {{enum: [a, b]}}, q: {{type: string, description: Words.}}}}
    body: {{type: object, properties: {{a: {{type: string}}}}}}
    fan_out:
      order: shop:/orders/1
      lines: {{for_each: "{{{{ order.items }}}}", url: "shop:/{{item}}"}}
      group: {{fan_out: {{inner: shop:/inner}}}}
    response: {{body: {body}}}
""")
    assert schema_of(found) == schema


@pytest.mark.parametrize(
    ("response", "schema"),
    [
        ("allow: [a, b.c]", thing(a={"type": "integer"}, b={})),
        ("deny: [a, b.c]", thing(b={}, d=TEXT)),
        ("deny: ['*.c']", {}),
        ("rename: {a: z}", {}),
        ("select: a", {}),
        ("target: b", {}),
        ("group: x.y, allow: [a]", thing(x=thing(y=thing(a={"type": "integer"})))),
        ("fields: true", {"type": "object", "properties": {
            "a": {"type": "integer"}, "b": {"type": "object", "properties": {"c": TEXT}}, "d": TEXT}}),
    ],
)  # fmt: skip
def test_schema_of_a_shape(operation: Callable[[str], Operation], response: str, schema: dict[str, Any]) -> None:
    """What is removed is not announced; what is moved in ways that the data decides is left open."""
    found = operation(f"GET /a: {{call: users:/a, response: {{body: {{a: 1, b: {{c: x}}, d: x}}, {response}}}}}")
    assert schema_of(found) == schema


@pytest.mark.parametrize(
    ("response", "required"),
    [
        ("meta: true", ["a", "meta"]),
        ("meta: true, body: [1]", ["data", "meta"]),
        ("meta: true, body: '{{ a }}'", ["meta"]),
        ("meta: true, merge: deep", ["meta"]),
        ("meta: true, merge: append", ["meta"]),
        ("meta: true, fields: true", ["meta"]),
    ],
)
def test_schema_with_meta(operation: Callable[[str], Operation], response: str, required: list[str]) -> None:
    """`meta` is added to an object, and put beside `data` where the answer is none."""
    schema = schema_of(operation(f"GET /a: {{fan_out: {{a: users:/a}}, response: {{{response}}}}}"))
    assert schema["required"] == required


def test_schema_of_a_list_stays_a_list(operation: Callable[[str], Operation]) -> None:
    """`allow` goes through the items of a list, which stays one."""
    each = operation("GET /a: {call: {for_each: '{{ [1] }}', url: 'users:/{item}'}, response: {allow: [id]}}")
    assert schema_of(each) == {"type": "array"}


def test_a_function_may_give_anything(operation: Callable[[str], Operation]) -> None:
    """What a plug-in makes of a result or an answer is open."""
    found = operation("""GET /a:
    fan_out:
      a: {url: users:/a, group: x, transform: "json:dumps"}
      b: {race: [users:/b, shop:/b], transform: "json:dumps"}
      c: {race: [users:/b, shop:/b], group: y}
""")
    parts = schema_of(found)["properties"]
    assert parts["a"] == {"examples": [{}], "description": "What `users` answers."}
    assert (parts["b"], parts["c"]) == ({}, thing(y={}))
    whole = operation("GET /a: {fan_out: {a: users:/a}, response: {transform: 'json:dumps'}}")
    assert schema_of(whole) == {}
