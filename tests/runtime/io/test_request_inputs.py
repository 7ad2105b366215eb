"""What a client sent, held against what is declared; and what is refused before that."""

from __future__ import annotations

import asyncio

import pytest

from aggregator.exchange import MOST_FIELDS, Exchange
from aggregator.plan.types import InputPlan
from aggregator.runtime.answers.answer import Answer
from aggregator.runtime.answers.viewing import LazyResponse
from aggregator.runtime.request.body import ClientGone, check_length, read_body
from aggregator.runtime.request.identity import request_id
from aggregator.runtime.request.inputs import Inputs, Refusal
from aggregator.schemas.parameter import compile_parameter


def exchange(query: bytes = b"", *headers: tuple[bytes, bytes], segments: tuple[bytes, ...] = ()) -> Exchange:
    """Return a request."""
    made = Exchange("GET", "/", query, list(headers))
    made.segments = segments
    return made


def inputs(**declared) -> Inputs:
    """Return inputs by location and name: ``inputs(query={"page": {...}})``."""
    locations = {"path": "params", "query": "query", "header": "headers"}
    plans = {
        locations[where]: tuple(compile_parameter(name, schema, where) for name, schema in named.items())
        for where, named in declared.items()
    }
    return Inputs(InputPlan(**plans), tuple(declared.get("path", ())))


def refused(made: Inputs, request: Exchange) -> Refusal:
    """Return the refusal of *request*."""
    with pytest.raises(Refusal) as caught:
        made.accept(request)
    return caught.value


def test_declared_values_are_typed_and_defaults_filled_in():
    """Path, query and headers become numbers where numbers are declared."""
    made = inputs(
        path={"id": "integer"}, query={"page": {"type": "integer", "default": 1}}, header={"X-Limit": "integer"}
    )
    request = exchange(b"q=x", (b"x-limit", b"7"), segments=(b"12",))
    made.accept(request)
    assert (request.params, request.query, request.headers["x-limit"]) == ({"id": 12}, {"q": "x", "page": 1}, 7)


def test_every_violation_is_told_with_its_place():
    """One refusal names them all."""
    made = inputs(
        path={"id": "integer"}, query={"page": "integer"}, header={"x-limit": {"type": "integer", "required": True}}
    )
    refusal = refused(made, exchange(b"page=x", segments=(b"y",)))
    assert refusal.status == 422
    assert [(one["location"], one["pointer"]) for one in refusal.errors] == [
        ("path", "/id"),
        ("query", "/page"),
        ("header", "/x-limit"),
    ]


@pytest.mark.parametrize(
    ("request_", "detail"),
    [
        (exchange(segments=(b"%FF",)), "The path is not UTF-8."),
        (exchange(b"a=%FF", segments=(b"1",)), "The query is not percent-encoded UTF-8."),
        (exchange(b"a=\xc3\xa9", segments=(b"1",)), "The query is not percent-encoded UTF-8."),
        (exchange(b"&" * MOST_FIELDS, segments=(b"1",)), f"The query has more than {MOST_FIELDS} parameters."),
    ],
)
def test_what_is_no_text_or_has_no_end_is_400(request_, detail):
    """Refused before anything is read from it."""
    refusal = refused(inputs(path={"id": {}}), request_)
    assert (refusal.status, refusal.detail, refusal.errors) == (400, detail, None)


def test_a_length_of_many_digits_is_too_large():
    """A number that Python itself refuses to read is no reason to fail."""
    for length in (b"11", b"9" * 19, b"9" * 5000):
        with pytest.raises(Refusal) as caught:
            check_length(exchange(b"", (b"content-length", length)), 10)
        assert caught.value.status == 413
    check_length(exchange(b"", (b"content-length", b"10"), (b"content-length", b"x")), 10)


def _messages(*messages):
    left = list(messages)

    async def receive():
        return left.pop(0) if left else await asyncio.sleep(60)

    return receive


def piece(body: bytes, more: bool = True) -> dict[str, object]:
    """Return a piece of a body as ASGI has it."""
    return {"type": "http.request", "body": body, "more_body": more}


async def read(*messages, seconds=1.0):
    """Read the body that *messages* bring, of three bytes at most, within *seconds*."""
    latest = asyncio.get_running_loop().time() + seconds
    return await read_body(_messages(*messages), exchange(), cap=3, latest=latest)


def test_a_body_in_pieces_is_one(run):
    """With pieces that are empty, and one that has no body at all."""
    pieces = (piece(b"ab"), piece(b""), {"type": "http.request", "more_body": True}, piece(b"c", more=False))
    assert run(read(*pieces)) == b"abc"


@pytest.mark.parametrize(("messages", "status"), [([piece(b"ab"), piece(b"cd")], 413), ([piece(b"a")], 408)])
def test_a_body_that_is_too_large_or_too_slow(run, messages, status):
    """413 at the first byte too many, 408 when the time is over."""
    with pytest.raises(Refusal) as caught:
        run(read(*messages, seconds=0.02))
    assert caught.value.status == status


def test_a_client_that_goes_while_it_sends(run):
    """It is told apart from a body that ends."""
    with pytest.raises(ClientGone):
        run(read(piece(b"a"), {"type": "http.disconnect"}))


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        (None, b"{}", 415),
        (b"text/plain", b"{}", 415),
        (b"application/json", b"{", 400),
        (b"application/jsonp", b"{}", 415),
    ],
)
def test_bodies_that_are_no_json(kind, body, status):
    """The type decides first, then the text."""
    request = exchange(b"", *([(b"content-type", kind)] if kind else []))
    request.body = body
    with pytest.raises(Refusal) as caught:
        inputs().decode_body(request, request.body)
    assert caught.value.status == status


@pytest.mark.parametrize(
    "kind", [b"application/json", b"Application/JSON; charset=utf-8", b"text/json", b"model/gltf+json"]
)
def test_bodies_that_are_json(kind):
    """Any type that says so, in any case, with parameters."""
    request = exchange(b"", (b"content-type", kind))
    request.body = b'{"a": 1}'
    inputs().decode_body(request, request.body)
    assert request.body_value == {"a": 1}


def test_no_body_is_none():
    """Where none is declared, an empty body is no mistake."""
    request = exchange()
    inputs().decode_body(request, request.body)
    assert request.body_value is None


def test_request_ids():
    """A harmless one is kept, any other replaced; those made here are unique."""
    assert request_id([(b"a", b"b"), (b"x-request-id", b"A-1._b")]) == "A-1._b"
    made = [request_id([(b"x-request-id", bad)]) for bad in (b"", b"a b", b"a\n", b"x" * 129, b"\xff")]
    assert len({*made, request_id([])}) == 6


def test_an_answer_as_background_calls_see_it():
    """Status, headers with repeated ones joined, and the body as data, or as text if it is no JSON."""
    fields = [(b"content-type", b"application/json"), (b"set-cookie", b"a=1"), (b"set-cookie", b"b=2")]
    view = LazyResponse(Answer(201, fields, b'{"n": 1}'))
    assert (view["status"], view["body"], view["headers"]["set-cookie"]) == (201, {"n": 1}, "a=1, b=2")
    assert (view.get("body"), view.get("nothing", 7)) == ({"n": 1}, 7)
    assert ("body" in view, "nothing" in view) == (True, False)
    assert LazyResponse(Answer(200, [], b"plain \xff"))["body"] == "plain \ufffd"
    assert LazyResponse(Answer(204, [], b""))["body"] is None
    assert LazyResponse(Answer(200, [], [b"[1", b",2]"]))["body"] == [1, 2]


def test_a_default_is_an_expression_over_the_request():
    """It is taken like a text of the client; what was sent is never asked for it, and null means none."""
    made = inputs(
        query={
            "size": {"type": "integer", "default": "{{ headers['x-size'] }}"},
            "twice": {"type": "integer", "default": "{{ query.size * 2 }}"},
            "tags": {"type": "array", "default": "{{ query.names | split('.') }}"},
        },
        header={"x-lang": {"default": "{{ query.lang | default('en', true) }}", "enum": ["de", "en"]}},
    )
    request = exchange(b"names=a.b", (b"x-size", b"7"))
    made.accept(request)
    assert request.query == {"names": "a.b", "size": 7, "twice": 14, "tags": ["a", "b"]}
    assert request.headers["x-lang"] == "en"
    other = exchange(b"size=1&twice=5&lang=de&tags=x")
    made.accept(other)
    assert other.query == {"size": 1, "twice": 5, "lang": "de", "tags": ["x"]}
    assert other.headers["x-lang"] == "de"


def test_a_default_that_does_not_fit_is_refused_like_what_is_sent():
    """The client is told which parameter to send."""
    made = inputs(query={"size": {"type": "integer", "default": "{{ headers['x-size'] }}", "maximum": 9}})
    for text, said in ((b"many", "must be an integer"), (b"10", "must be at most 9")):
        assert [one["message"] for one in refused(made, exchange(b"", (b"x-size", text))).errors] == [said]
    absent = exchange()
    made.accept(absent)
    assert "size" not in absent.query


def test_a_constant_default_is_computed_at_load():
    """The declaration, and what is shown of it, holds its value."""
    parameter = compile_parameter("n", {"type": "integer", "default": "{{ 2 + 3 }}"}, "query")
    assert (parameter.default, parameter.declaration.schema["default"]) == (5, 5)
