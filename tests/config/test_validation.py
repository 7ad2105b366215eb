"""Errors of the models in plain words: keys, kinds, choices, ranges, and what was meant."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from aggregator.config.model.endpoint import EndpointSettings
from aggregator.config.model.root import RootSettings
from aggregator.config.validation.wording import findings_of
from aggregator.diagnostics.finding import Finding
from aggregator.fields import Settings


def found(model: type[Settings], value: Any) -> list[Finding]:
    """Return what is wrong with *value* as a *model*."""
    with pytest.raises(ValidationError) as caught:
        model.model_validate(value)
    return findings_of(caught.value, model, (), value)


def said(model: type[Settings], value: Any) -> list[tuple[str, str | None]]:
    """Return message and hint of everything that is wrong."""
    return [(one.message, one.hint) for one in found(model, value)]


@pytest.mark.parametrize(
    ("value", "message", "hint"),
    [
        ({"tags": "x"}, "expected a list, found text", "write `[x]`"),
        ({"tags": [5]}, "expected text, found the number 5", 'write it in quotes: `"5"`'),
        ({"summary": True}, "expected text, found true", 'write it in quotes: `"true"`'),
        ({"summary": None}, "expected text, found nothing", "write a value behind the colon, or remove the key"),
        ({"hidden": "perhaps"}, "expected true or false, found text", "write true or false"),
        (
            {"params": []},
            "expected a mapping, found a list",
            "write it like `params: {user_id: {type: integer, minimum: 1}}`",
        ),
        ({"response": {"status": []}}, "expected a whole number or text, found a list", "write it like `status: 201`"),
        ({"response": {"merge": "dep"}}, "`dep` is not a choice for `merge`", "did you mean `deep`?"),
        (
            {"response": {"merge": []}},
            "a list is not a choice for `merge`",
            "write one of object, deep, first, last, append, error",
        ),
        (
            {"response": {"merge": 5}},
            "`5` is not a choice for `merge`",
            "write one of object, deep, first, last, append, error",
        ),
        (
            {"response": {"merge": "${X}"}},
            "another value in a variable is not a choice for `merge`",
            "write one of object, deep, first, last, append, error",
        ),
        ({"response": {"formats": ["jsn"]}}, "`jsn` is not a choice for `formats`", "did you mean `json`?"),
        ({"call": {"redirects": 11}}, "`redirects` must be at most 10", "write a number from 0 to 10"),
        (
            {"call": {"url": "u:/", "for_each": {"in": "{{ x }}", "max_items": 0}}},
            "`max_items` must be at least 1",
            "write 1 or more",
        ),
        ({"timeout": 3}, "a duration needs a unit", "write `3s` or `3ms`"),
        ({"timeout": -3}, "a duration needs a unit", "write it like 250ms, 2s, 1m30s or 1h"),
        ({"max_body": "1 kilo"}, "this is not a size", "write it like 64KiB, 8MB or a number of bytes"),
        ({"fan_out": {"use": 3}}, "expected a list or text, found the number 3", "write it like `use: customer`"),
        ({"fan_out": {"use": [3]}}, "expected text, found the number 3", 'write it in quotes: `"3"`'),
        (
            {"fan_out": {"x": 5}},
            "expected a mapping, found the number 5",
            "write `url: users:/users/{user_id}` below it",
        ),
        ({"call": {"url": "u:/", "query": {5: 1}}}, "the key `5` is not text", 'write it in quotes: `"5"`'),
        (
            {"status_map": {"timeot": 503}, "call": "u:/"},
            "this is not a status, a class of statuses or a cause",
            "did you mean `timeout`?",
        ),
        ({"call": {"url": "u:/", "for_each": {"inn": "x"}}}, "unknown key `inn`", "did you mean `in`?"),
        ({"call": {"url": "u:/", "for_each": {}}}, "the key `in` is missing", 'add `in: "{{ order.items }}"`'),
        (
            {"call": {"url": "u:/", "graphql": {}}},
            "the key `query` is missing",
            "query: the operation; it is sent as it stands, values go into `variables`",
        ),
        (
            {},
            "an endpoint needs one of call, fan_out and respond",
            "`call` for one upstream, `fan_out` for several, `respond` for a static answer",
        ),
    ],
)
def test_words(value: Any, message: str, hint: str | None) -> None:
    """One mistake is one sentence and one way out."""
    assert said(EndpointSettings, value)[0] == (message, hint)


@pytest.mark.parametrize(
    ("value", "message", "hint"),
    [
        (
            {"version": 1, "upstreams": {"a": "https://a"}},
            "expected a mapping, found text",
            "write `url: https://a` below it",
        ),
        (
            {"version": 1, "upstreams": {"a": {"url": "x", "query": {"b": []}}}},
            "expected text or a number or true or false, found a list",
            "write text or a number or true or false",
        ),
        (
            {"version": 1, "server": {"port": "${PORT}"}},
            "expected a whole number, found another value in a variable",
            "give the variable a whole number as its value",
        ),
        (
            {"version": 1, "server": {"port": 8000.5}},
            "expected a whole number, found the number 8000.5",
            "write a whole number",
        ),
        (
            {"version": 1, "server": {"debug": {"secret": "abc"}}},
            "`secret` needs at least 8 characters",
            "choose a longer one, and keep it in a variable",
        ),
        (
            {"version": 1, "auth": {"a": {"signature": {"preset": "github", "secret": "abc"}}}},
            "`secret` needs at least 8 characters",
            "choose a longer one, and keep it in a variable",
        ),
        ({"version": 10**30}, "`version` is too large a number", "write it like `version: 1`"),
        ({"version": 2}, "`2` is not a choice for `version`", "write 1"),
        ({}, "the key `version` is missing", "add `version: 1`"),
    ],
)
def test_words_of_sections(value: Any, message: str, hint: str | None) -> None:
    """So it is in the other sections."""
    assert said(RootSettings, value)[0] == (message, hint)


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        ({"tiemout": "2s"}, "did you mean `timeout`?"),
        ({"Call": "u:/"}, "did you mean `call`?"),
        ({"fan-out": {}}, "did you mean `fan_out`?"),
        ({"parallel": {}}, "did you mean `fan_out`?"),
        ({"url": "u:/"}, "write it under `call`"),
        ({"etag": True}, "write it under `response`"),
        ({"select": "x", "response": {}}, "write it under `response`"),
        ({"call": {"url": "u:/", "operation_id": "x"}}, "write it further out, beside `call`"),
        ({"call": {"url": "u:/", "if": "x"}}, "did you mean `when`?"),
        ({"call": {"url": "u:/", "timeout": {"zzz": 1}}}, "allowed here: total, connect, read, write, pool"),
        (
            {"call": {"url": "u:/", "zzzzzz": 1}},
            "allowed here: url, method, query, headers, json, form, multipart, body, …",
        ),
    ],
)
def test_unknown_keys(value: Any, hint: str) -> None:
    """A key that does not exist was meant as another one, or for another place."""
    (unknown,) = [one for one in found(EndpointSettings, value) if one.code == "unknown-key"]
    assert unknown.hint == hint
    assert unknown.at_key


def test_a_misspelled_required_key_is_one_problem() -> None:
    """The key that is missing because it is misspelled is not told twice."""
    assert [one.code for one in found(RootSettings, {"version": 1, "upstreams": {"a": {"ulr": "x"}}})] == [
        "unknown-key"
    ]
    assert [one.code for one in found(RootSettings, {"version": 1, "upstreams": {"a": {"q": "x"}}})] == [
        "missing-key",
        "unknown-key",
    ]


def test_paths_are_those_of_the_file() -> None:
    """Members of unions and functions of the models are no steps of a path."""
    paths = [
        one.path
        for one in found(EndpointSettings, {"call": "u:/", "fan_out": {"use": 3, "int": 5}, "background": {"x": 1}})
    ]
    assert paths == [("fan_out", "use"), ("fan_out", "int"), ("background", 0, "x")]
