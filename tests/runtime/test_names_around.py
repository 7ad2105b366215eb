"""Names inside names: what is found further out, where a value came from, and which digits it had."""

from __future__ import annotations

from typing import Any

import pytest

from aggregator.exchange import Exchange
from aggregator.parts.names import ItemNames, Level, Names
from aggregator.parts.result import Result
from aggregator.templates import compile_expression


def of_request(body: bytes = b"", **params: Any) -> Names:
    """Return the names of a request with *body* and path parameters."""
    exchange = Exchange("POST", "/", b"q=1", [(b"x-a", b"2")])
    exchange.content, exchange.params = body, params
    return Names(exchange)


def part(name: str, text: bytes = b"1") -> Result:
    """Return a result whose body is *text*."""
    made = Result(name, 0.0, 0.0)
    made.json = text
    return made


def seeing(names: Names, *results: Result | None, also: str = "") -> Names:
    """Return *names*, which see *results* from now on; those that are None are named by the letters of *also*."""
    names.see({result.name if result else also: number for number, result in enumerate(results)}, results)
    return names


def nested() -> Names:
    """Return the names of a group: it has `near` and, still awaited, `far`; around it are `near`, `far` and `out`."""
    around = seeing(of_request(), part("near", b'"outer"'), part("far", b'"far"'), part("out", b'"out"'))
    return seeing(around.child({"given": 1}), part("near", b'"inner"'), None, also="far")


@pytest.mark.parametrize(
    ("name", "value"), [("near", "inner"), ("far", "far"), ("out", "out"), ("given", 1), ("nobody", None)]
)
def test_the_nearest_that_is_there_counts(name: str, value: Any) -> None:
    """What is still awaited hides nothing: it is looked up around it."""
    names = nested()
    assert (name in names) is (value is not None)
    assert names.get(name) == value
    found = names.result(name)
    assert (None if found is None else found.value) == (value if isinstance(value, str) else None)


@pytest.mark.parametrize(("name", "value"), [("near", "inner"), ("far", "far"), ("out", "out"), ("given", None)])
def test_calls_are_those_of_all_levels(name: str, value: str | None) -> None:
    """Each as a whole, the nearest first; there are no others, and no parameters among them."""
    calls = nested()["calls"]
    assert (name in calls) is (value is not None)
    assert (None if (view := calls.get(name)) is None else view["body"]) == value
    assert calls.get(name) is calls.get(name)
    assert 1 not in calls


def test_levels_are_told_the_nearest_first() -> None:
    """Names without parts of their own are no level; whoever gets the levels sees what was seen from there."""
    names = nested().child({})
    levels = names.levels()
    assert [[*level.places] for level in levels] == [["near", "far"], ["near", "far", "out"]]
    again = of_request().within(levels)
    assert [again.get(name) for name in ("near", "far", "out", "given")] == ["inner", "far", "out", None]
    assert of_request().levels() == ()
    one = Level({"a": 0}, (part("a"),))
    assert (one.result("a") is one.results[0], one.result("b")) == (True, None)


@pytest.mark.parametrize(
    ("reference", "origin"),
    [
        (("query", "q"), ("query", "q")), (("headers", "x-a"), ("headers", "x-a")), (("id",), ("id",)),
        (("near", "a"), None), (("out",), None), (("given",), None), (("nobody",), None),
    ],
)  # fmt: skip
def test_what_the_client_sent_is_told_from_what_came_of_calls(
    reference: tuple[str, ...], origin: tuple[str, ...] | None
) -> None:
    """From the names of a group too; a part hides what the client sent under its name."""
    names = nested()
    names.exchange.params = {"id": 1}
    assert names.origin(reference) == origin
    assert seeing(of_request(), part("query")).origin(("query", "q")) is None


@pytest.mark.parametrize(
    ("source", "origin"),
    [
        ("body.lines", ("body", "lines")), ("query.b + query.a", ("query", "a")), ("[1]", None), ("near", None),
        ("[query.a, near]", None),
    ],
)  # fmt: skip
def test_an_item_comes_from_where_its_list_does(source: str, origin: tuple[str, ...] | None) -> None:
    """As far as the client sent all that the list was made of; other names inside are led back as outside."""
    names = ItemNames(nested(), {"item": 1, "index": 0}, compile_expression(source))
    assert [names.origin((root, "x")) for root in ("item", "index", "keys")] == [origin] * 3
    assert names.origin(("query", "q")) == ("query", "q")
    assert names.origin(("near",)) is None


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (("body", "n"), "{'body': {'n': Decimal('1.10')}}"), (("one",), "{'one': Decimal('2.20')}"),
        (("calls", "one", "body"), "{'calls': {'one': {'body': Decimal('2.20')}}}"),
        (("calls", "one", "body", "n"), "{'calls': {'one': {'body': Decimal('2.20')}}}"), (("calls", "one", "status"), "None"),
        (("calls", "two", "body"), "None"), (("query", "q"), "None"), (("two",), "None"),
    ],
)  # fmt: skip
def test_digits_as_they_were_sent(path: tuple[str, ...], text: str) -> None:
    """Of the body of the client and of results, here or further out; nothing else has any."""
    names = seeing(of_request(b'{"n": 1.10}'), part("one", b"2.20"))
    for each in (names, names.child({}), names.child({}).child({})):
        assert repr(each.as_sent(path)) == text
    assert seeing(of_request(), part("one")).as_sent(("body", "n")) is None


def test_the_body_of_the_client_is_read_once_for_its_digits() -> None:
    """Nobody changes it."""
    names = of_request(b"[1.0]")
    first, second = (names.as_sent(("body",)) for _ in range(2))
    assert first is not None
    assert second is not None
    assert first["body"] is second["body"]


@pytest.mark.parametrize(("source", "place", "text"), [("body", 1, "2.50"), ("body", 0, "1.10"), ("[3.5]", 0, None)])
def test_an_item_has_the_digits_that_its_list_had(source: str, place: int, text: str | None) -> None:
    """At its own place; of a list that was computed nothing was sent, and a batch has no item."""
    around = of_request(b"[1.10, 2.50]")
    around.exchange.body_value = [1.1, 2.5]
    expression = compile_expression(source)
    found = ItemNames(around, {"item": 0, "index": place}, expression).as_sent(("item",))
    assert (None if found is None else str(found["item"])) == text
    assert ItemNames(around, {"keys": "1,2"}, expression).as_sent(("item",)) is None
