"""From paths to places: short forms, rows, keys, and texts within values."""

from __future__ import annotations

from typing import Any

import pytest

from aggregator.config.findings import Origins, value_at, written_path
from aggregator.config.text.document import read_document
from aggregator.config.text.values import Steps
from aggregator.diagnostics.finding import Elsewhere, Finding


@pytest.mark.parametrize(
    ("value", "path", "steps", "is_written"),
    [
        ({"call": "u:/"}, ("call", "url"), ("call",), True),
        ({"call": {"url": "u:/"}}, ("call", "url"), ("call", "url"), True),
        ({"call": {"url": "u:/"}}, ("call", "method"), ("call",), False),
        (
            {"status_map": {404: 400, "5xx": {"status": 502}}},
            ("status_map", 1, "status"),
            ("status_map", "5xx", "status"),
            True,
        ),
        ({"status_map": {404: 400}}, ("status_map", 0, "status"), ("status_map", 404), True),
        ({"status_map": {404: 400}}, ("status_map", 0, "on"), ("status_map", 404), False),
        ({"status_map": {404: 400}}, ("status_map", 5, "on"), ("status_map",), False),
        ({"status_map": [{"on": 404}]}, ("status_map", 0, "on"), ("status_map", 0, "on"), True),
        ({"background": {"url": "u:/"}}, ("background", 0, "url"), ("background", "url"), True),
        ({"background": ["u:/"]}, ("background", 0, "url"), ("background", 0), True),
        ({"background": ["u:/"]}, ("background", 7), ("background",), False),
        ({"use": "g"}, ("use", 0), ("use",), True),
        ({"query": {"5": 1}}, ("query", "5"), ("query", "5"), True),
        ({"query": {5: 1}}, ("query", "5"), ("query", 5), True),
        ({}, ("call",), (), False),
    ],
)
def test_paths_as_they_are_written(value: Any, path: Steps, steps: Steps, is_written: bool) -> None:
    """What a short form leaves out is skipped; what is not written has the place of its parent."""
    assert written_path(value, path) == (steps, is_written)


def test_values_of_paths() -> None:
    """A short form stands for itself."""
    assert value_at({"call": "u:/"}, ("call", "url")) == "u:/"
    assert value_at({"a": {"b": [1, 2]}}, ("a", "b", 1)) == 2


TEXT = """\
version: 1
endpoints:
  GET /a/{id}/b/{id}:
    call: "users:/${NAME}/{id}/{id}"
  "GET /q/{x}":
    call: {url: users:/x}
  "GET /\\u0041":
    call: {url: users:/x}
"""


@pytest.fixture
def origins() -> Origins:
    """Return the origins of a small file."""
    document, _ = read_document(TEXT, "routes.yaml")
    assert document is not None
    origins = Origins("routes.yaml")
    for section in document.endpoints:
        origins.add(("endpoints", section.key), section)
    return origins


def marked(origins: Origins, finding: Finding) -> str:
    """Return the characters that *finding* points at."""
    at = origins.place(finding).position
    return TEXT.splitlines()[at.line - 1][at.column - 1 : at.end_column - 1]


A = ("endpoints", "GET /a/{id}/b/{id}")


@pytest.mark.parametrize(
    ("finding", "text"),
    [
        (Finding("x", "", (*A, "call", "url")), '"users:/${NAME}/{id}/{id}"'),
        (Finding("x", "", (*A, "call", "url"), text="{id}"), "{id}"),
        (Finding("x", "", A, at_key=True), "GET /a/{id}/b/{id}"),
        (Finding("x", "", A, at_key=True, text="{id}"), "{id}"),
        (Finding("x", "", (*A, "timeout")), "GET /a/{id}/b/{id}"),
        (Finding("x", "", ("endpoints", "GET /q/{x}"), at_key=True, text="{x}"), "{x}"),
        (Finding("x", "", ("endpoints", "GET /A"), at_key=True, text="A"), '"GET /\\u0041"'),
        (Finding("x", "", ("endpoints", "GET /q/{x}"), at_key=True, text="{y}"), '"GET /q/{x}"'),
    ],
)
def test_places(origins: Origins, finding: Finding, text: str) -> None:
    """A finding points at a value, a key, or at a text within one of them."""
    assert marked(origins, finding) == text


def test_which_of_several(origins: Origins) -> None:
    """Of equal texts the one that is meant is marked, in a value and in a key."""
    places = [
        origins.place(Finding("x", "", (*A, "call", "url"), text="{id}", occurrence=n)).position.column for n in (0, 1)
    ]
    assert places == [TEXT.splitlines()[3].index("{id}") + 1, TEXT.splitlines()[3].rindex("{id}") + 1]
    keys = [origins.place(Finding("x", "", A, at_key=True, text="{id}", occurrence=n)).position.column for n in (0, 1)]
    assert keys == [10, 17]


def test_nowhere(origins: Origins) -> None:
    """What no file says is a matter of the file as a whole."""
    at = origins.place(Finding("x", "", ("server", "port"))).position
    assert (str(at), at.end_column) == ("routes.yaml:1:1", 1)


def test_related_places_and_secrets(origins: Origins) -> None:
    """Other places come along; what a variable brought in is said by its reference."""
    there = Elsewhere(A, "there", at_key=True)
    finding = Finding("x", "there is no `secret`", (*A, "call", "url"), "not secret", related=(there,))
    shown = origins.place(finding, ["secret", ""])
    assert (shown.message, shown.hint) == ("there is no `${NAME}`", "not ${NAME}")
    assert [(str(position), label) for position, label in shown.related] == [("routes.yaml:3:3", "there")]
    other = Finding("x", "there is no `secret`", ("endpoints", "GET /q/{x}", "call", "url"))
    assert origins.place(other, ["secret"]).message == "there is no `secret`"
