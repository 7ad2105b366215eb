"""Places that the file hides: what of headers, queries, paths and bodies may be shown."""

from __future__ import annotations

from typing import Any

import pytest

from aggregator.telemetry.hiding import NOTHING_HIDDEN, Hidden, hidden_places, without_values
from aggregator.telemetry.redaction import MASK

HIDDEN = hidden_places(["headers.X-Pin.Old", "query.pin", "params.card", "params.rest", "body.user.pin", "body.pins"])


def test_places_are_named_by_their_root() -> None:
    """Headers in lower case; a name may hold a dot, a path of a body is a path."""
    assert (
        Hidden(frozenset({"x-pin.old"}), frozenset({"pin"}), frozenset({"card", "rest"}), (("user", "pin"), ("pins",)))
        == HIDDEN
    )
    assert hidden_places([]) == NOTHING_HIDDEN


@pytest.mark.parametrize(
    ("reference", "hides"),
    [
        (("request",), True), (("request", "path"), True), (("request", "path", "x"), True), (("request", "id"), False),
        (("headers",), True), (("headers", "x-pin.old"), True), (("headers", "accept"), False),
        (("params", "card"), True), (("card",), True), (("pin",), False),
        (("body", "user"), True), (("body", "user", "pin", "old"), True), (("body", "user", "name"), False),
        (("body", "name"), False),
    ],
)  # fmt: skip
def test_what_an_expression_reads(reference: tuple[str, ...], hides: bool) -> None:
    """A hidden place, what holds it, and what is below it; where nothing is hidden nothing is."""
    assert (HIDDEN.hides(reference), NOTHING_HIDDEN.hides(reference)) == (hides, False)


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [("x-pin.old", "1", MASK), ("x-pin.old", "", ""), ("accept", "1", "1"), ("accept", "", "")],
)
def test_a_header_as_it_may_be_shown(name: str, value: str, shown: str) -> None:
    """One that is empty says nothing."""
    assert HIDDEN.header(name, value) == shown


@pytest.mark.parametrize(
    ("query", "shown", "values"),
    [
        ("", "", set()),
        ("a=1&b", "a=1&b", set()),
        ("pin=1", f"pin={MASK}", {"1"}),
        ("a=b=c&pin=x%2By+z&pin", f"a=b=c&pin={MASK}&pin={MASK}", {"x%2By+z", "x+y z", ""}),
        ("p%69n=1&PIN=2", f"p%69n={MASK}&PIN=2", {"1"}),
    ],
)
def test_a_query_as_it_may_be_shown(query: str, shown: str, values: set[str]) -> None:
    """Order and spelling of the rest stay; values are known as they were sent, and as they are meant."""
    assert (HIDDEN.query_text(query), HIDDEN.query_values(query)) == (shown, values)
    assert (NOTHING_HIDDEN.query_text(query), NOTHING_HIDDEN.query_values(query)) == (query, set())


def test_parameters_of_a_path() -> None:
    """By their order in the endpoint, decoded, also where bytes are no text; others are left out."""
    endpoint = "GET /c/{card}/{id}/{rest:path}"
    assert HIDDEN.values(endpoint, (b"a%20b", b"7", b"x/%ff")) == ("a b", "x/\ufffd")
    assert HIDDEN.values(endpoint, (b"1",)) == ("1",)
    assert NOTHING_HIDDEN.values(endpoint, (b"a", b"7", b"x")) == ()


@pytest.mark.parametrize(
    ("path", "values", "shown"),
    [
        ("/c/a b", ("a b",), f"/c/{MASK}"),
        ("/c/a%20b/ab", ("a b",), f"/c/{MASK}/ab"),
        ("/c/x/y/z", ("x/y",), f"/c/{MASK}/z"),
        ("/c/x%20/y", ("x /y",), f"/c/{MASK}"),
        ("/c/1", ("", "2"), "/c/1"),
        ("/1/1", ("1",), f"/{MASK}/{MASK}"),
        ("/1/2", ("1", "2"), f"/{MASK}/{MASK}"),
    ],
)
def test_a_path_without_values(path: str, values: tuple[str, ...], shown: str) -> None:
    """Whole segments, in either form; a value that has a slash may be several."""
    assert without_values(path, values) == shown


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        ({"user": {"pin": 1, "name": "a"}}, {"user": {"pin": MASK, "name": "a"}}),
        ([{"pins": [1, 2]}, {"pins": None}, 7], [{"pins": MASK}, {"pins": MASK}, 7]),
        ({"user": "a", "pins": {}}, {"user": "a", "pins": MASK}),
        ({"name": 1}, {"name": 1}),
        ("pins", "pins"),
        (None, None),
    ],
)
def test_a_body_as_it_may_be_shown(body: Any, shown: Any) -> None:
    """At its hidden places, also in each item of a list; nothing is added where there are none."""
    assert (HIDDEN.body_value(body), NOTHING_HIDDEN.body_value(body)) == (shown, body)
