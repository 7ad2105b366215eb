"""Bodies that take more than a few milliseconds to read are read in threads, and others are answered meanwhile."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from aggregator.codecs import json as json_codec
from aggregator.codecs.formats.xml import decode_xml
from aggregator.runtime.calls import judging
from aggregator.runtime.request import inputs

LONG = b"<a>" + b"<b/>" * 2000 + b"</a>"
XML = {"content-type": "application/xml"}


@pytest.fixture
def read_in(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the names of the threads in which bodies of upstreams and clients are read."""
    names: list[str] = []

    def noting(real: Callable[..., Any]) -> Callable[..., Any]:
        def read(*given: Any) -> Any:
            names.append(threading.current_thread().name)
            return real(*given)

        return read

    monkeypatch.setattr(judging, "read_body", noting(judging.read_body))
    monkeypatch.setattr(inputs, "read_json", noting(inputs.read_json))
    return names


@pytest.mark.parametrize(
    "endpoint",
    [
        "{fan_out: {a: a:/x}}",
        "{fan_out: {a: {url: a:/x, redirects: 1}}}",
        "{fan_out: {a: {url: a:/x, retry: {attempts: 2}}}}",
        "{fan_out: {a: {url: a:/x, format: xml}}}",
        "{fan_out: {a: {race: ['a:/x', 'a:/x']}}}",
    ],
)
@pytest.mark.parametrize(
    ("body", "is_long"),
    [
        (LONG, True),
        (b"<a><b/></a>", False),
        (b"<a>" + b"x" * 4089 + b"</a>", False),
        (b"<a>" + b"x" * 4090 + b"</a>", True),
    ],
    ids=["long", "short", "4096", "4097"],
)
def test_a_long_body_of_an_upstream_is_read_in_a_thread(serve, read_in, endpoint, body, is_long):
    """And a short one where its reply arrives."""
    gateway = serve(f"endpoints: {{GET /x: {endpoint}}}", {"/x": httpx.Response(200, content=body, headers=XML)})
    assert gateway.get("/x").json() == {"a": decode_xml(body)}
    assert {name.startswith("coding-") for name in read_in} == {is_long}


def test_what_is_wrong_with_a_long_body_is_told_as_ever(serve, read_in):
    """Reading in a thread fails the call with the same cause."""
    gateway = serve(
        "endpoints: {GET /x: {fan_out: {a: a:/x}, status_map: {invalid_body: {status: 418}}}}",
        {"/x": httpx.Response(200, content=LONG[:-1], headers=XML)},
    )
    assert gateway.get("/x").status_code == 418
    assert read_in[0].startswith("coding-")


@pytest.mark.parametrize(("count", "is_long"), [(100, False), (20_000, True)])
def test_a_long_body_of_a_client_is_read_and_judged_in_a_thread(serve, read_in, count, is_long):
    """All that is wrong with a request is told at once as ever, whoever has judged its body."""
    gateway = serve(
        """
        endpoints:
          POST /x:
            query: {q: {type: integer}}
            body: {type: array, items: {type: integer}, maxItems: 50000}
            respond: {body: "{{ body | length }}"}
        """,
        {},
    )
    kind = {"content-type": "application/json"}
    assert gateway.post("/x?q=1", content=json.dumps([1234] * count), headers=kind).json() == count
    refused = gateway.post("/x?q=a", content=json.dumps([1234] * (count - 1) + ["a"]), headers=kind)
    assert [(one["location"], one["pointer"]) for one in refused.json()["errors"]] == [
        ("query", "/q"),
        ("body", f"/{count - 1}"),
    ]
    assert gateway.post("/x", content='["a" ' + " " * 5 * count, headers=kind).status_code == 400
    assert {name.startswith("coding-") for name in read_in} == {is_long}


@pytest.fixture
def decoded_in(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Return the names of the threads in which JSON of upstreams becomes data."""
    names: set[str] = set()

    def noting(real: Callable[[bytes], Any]) -> Callable[[bytes], Any]:
        def decode(text: bytes) -> Any:
            names.add(threading.current_thread().name.partition("-")[0])
            return real(text)

        return decode

    monkeypatch.setattr(json_codec, "decode", noting(json_codec.decode))
    monkeypatch.setattr(json_codec, "decode_exact", noting(json_codec.decode_exact))
    return names


@pytest.mark.parametrize(
    "endpoint",
    [
        "{call: {url: a:/x, select: 'rows[0]'}}",
        "{call: {url: a:/x, target: rows.0}}",
        "{call: {url: a:/x, success: {when: '{{ this.body.rows }}'}, target: rows.0}}",
        "{call: {url: a:/x, redirects: 1, retry: {attempts: 2}, target: rows.0}}",
        "{call: a:/x, response: {select: 'rows[0]'}}",
        "{call: a:/x, response: {target: rows.0}}",
    ],
)
@pytest.mark.parametrize(("count", "is_long"), [(10, False), (20_000, True)])
def test_data_is_taken_from_long_json_in_a_thread(serve, decoded_in, endpoint, count, is_long):
    """And from short JSON where its reply arrives."""
    rows = [{"id": number, "price": 1.50} for number in range(count)]
    gateway = serve(f"endpoints: {{GET /x: {endpoint}}}", {"/x": httpx.Response(200, json={"rows": rows})})
    assert gateway.get("/x").json() == rows[0]
    assert {name == "coding" for name in decoded_in} == {is_long}


def test_what_is_wrong_with_long_json_is_told_as_ever(serve, decoded_in):
    """A shape that its body cannot have fails the call with the same cause, whoever has judged it."""
    gateway = serve(
        """
        endpoints:
          GET /x: {call: {url: a:/x, success: {when: '{{ this.body.rows }}'}}, status_map: {unsuccessful: {status: 418}}}
        """,
        {"/x": httpx.Response(200, json={"rows": None, "text": "a" * 100_000})},
    )
    assert gateway.get("/x").status_code == 418
    assert decoded_in == {"coding"}


def test_long_json_fails_by_its_deadline(serve, monkeypatch):
    """The time of a call goes on while a thread has its body."""
    free = threading.Event()
    real = json_codec.decode_exact

    def decode(text: bytes) -> Any:
        free.wait(60)
        return real(text)

    monkeypatch.setattr(json_codec, "decode_exact", decode)
    gateway = serve(
        "endpoints: {GET /x: {timeout: 100ms, call: {url: a:/x, target: rows}}}",
        {"/x": httpx.Response(200, json={"rows": "a" * 100_000})},
    )
    try:
        assert gateway.get("/x").status_code == 504
    finally:
        free.set()


LARGE_JSON = {"id": 7, "more": "x" * 70_000}


@pytest.mark.parametrize(
    "endpoint",
    [
        "{call: a:/x, response: {body: '{{ call.id }}'}}",
        "{call: a:/x, response: {headers: {x-id: '{{ call.id }}'}}}",
        "{fan_out: {a: a:/x}, response: {body: {id: '{{ a.id }}'}}}",
        "{fan_out: {a: a:/x, b: a:/x}, response: {merge: deep}}",
        "{fan_out: {a: a:/x, b: 'b:/y?id={a.id}'}}",
        "{fan_out: {a: a:/x, b: {url: b:/y, when: '{{ calls.a.body.id }}'}}}",
        "{fan_out: {a: a:/x}, background: [{url: 'POST b:/y', json: '{{ a.id }}'}]}",
        "{fan_out: {g: {fan_out: {a: a:/x, b: 'b:/y?id={a.id}'}}}}",
        "{cache: 1m, fan_out: {a: a:/x}, response: {body: {id: '{{ a.id }}'}}}",
        "{fan_out: {g: {fan_out: {a: a:/x}}, b: 'b:/y?id={g.a.id}'}}",
        "{fan_out: {g: {fan_out: {a: a:/x}}, b: {url: b:/y, when: '{{ calls.g.body.a.id }}'}}}",
        "{fan_out: {g: {fan_out: {a: a:/x}}, b: {url: 'POST b:/y', json: {a: '{{ g.a }}'}}}}",
        "{fan_out: {g: {fan_out: {a: a:/x}, select: a}}}",
        "{fan_out: {g: {fan_out: {a: a:/x}, deny: [a.more]}}}",
        "{fan_out: {l: {url: 'a:/x?n={item}', for_each: '{{ [1] }}'}, b: {url: b:/y, when: '{{ l[0].id }}'}}}",
    ],
)
@pytest.mark.parametrize("is_long", [True, False])
def test_long_json_that_expressions_read_is_decoded_in_a_thread(serve, decoded_in, endpoint, is_long):
    """Whoever reads it: the answer, another call, a condition, a background call."""
    said = LARGE_JSON if is_long else {"id": 7}
    replies = {"/x": httpx.Response(200, json=said), "/y": httpx.Response(200, json={})}
    gateway = serve(f"endpoints: {{GET /x: {endpoint}}}", replies)
    assert gateway.get("/x").status_code == 200
    gateway.close()
    assert {name == "coding" for name in decoded_in} == {is_long}


def test_long_json_that_nobody_reads_is_decoded_by_nobody(serve, decoded_in):
    """It is copied."""
    gateway = serve("endpoints: {GET /x: {fan_out: {a: a:/x}}}", {"/x": httpx.Response(200, json=LARGE_JSON)})
    assert gateway.get("/x").json() == {"a": LARGE_JSON}
    assert not decoded_in
