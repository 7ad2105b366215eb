"""What looks like an expression is one, or an error: no setting sends or shows ``{{`` as it stands."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import reduce
from pathlib import Path
from typing import Any

import pytest
import yaml

from aggregator.config.hints.vocabulary import _mark
from aggregator.config.loading import load_config
from aggregator.config.model.root import RootSettings
from aggregator.diagnostics import Diagnostic
from aggregator.errors import ConfigError
from aggregator.fields import TextKind
from tests.settings import DUMPER, NAMES, SETTINGS, Steps, document, written

Say = Callable[..., list[str]]
BROKEN = "{{ nosuch( }}"


def test_there_are_settings_of_every_kind() -> None:
    """The walk finds what it is to find."""
    assert {_mark(field) for field in SETTINGS.values()} == set(TextKind)
    assert ("endpoints", "POST /x/{id}", "fan_out", "part", "fan_out", "part", "rename", "name") in SETTINGS
    assert len(SETTINGS) > 200


PLACES: dict[Steps, list[Steps]] = {}
for setting in SETTINGS:
    PLACES.setdefault(setting[:3], []).append(setting)


def apart(number: int, path: Steps) -> Steps:
    """Return *path* in an endpoint of its own, if it leads into one: many stand in one file, and one load tells of them all."""
    return tuple(f"POST /x{number}/{{id}}" if step == NAMES["endpoints"] else step for step in path)


def merged(one: Any, other: Any) -> Any:
    """Return *one* with what *other* has besides."""
    if not isinstance(one, dict) or not isinstance(other, dict):
        return one
    return {**other, **{key: merged(value, other[key]) if key in other else value for key, value in one.items()}}


def errors_of(paths: Iterable[Steps], file: Path) -> list[Diagnostic]:
    """Return what `check` says of a *file* where a broken expression stands at *paths*, nothing when it accepts it."""
    whole = reduce(merged, (written(RootSettings, path, BROKEN) for path in paths))
    file.write_text(yaml.dump(whole, Dumper=DUMPER, sort_keys=False))
    try:
        load_config(file, {})
    except ConfigError as found:
        return [one for one in found.diagnostics if one.level == "error"]
    return []


def told_of(paths: list[Steps], file: Path) -> dict[Steps, list[Diagnostic]]:
    """Return the errors for each of *paths*: those within endpoints together, in *file*, the others one at a time."""
    own = [apart(number, path) for number, path in enumerate(paths)]
    if own == paths:
        return {path: errors_of([path], file) for path in paths}
    return dict.fromkeys(own, errors_of(own, file))


def lets_it_through(path: Steps, errors: list[Diagnostic]) -> bool:
    """Return whether none of *errors* is at *path*, and none says that what is there has no effect."""
    there = any(one.path[: len(path)] == path for one in errors)
    return not there and not any(one.code == "no-effect" and path[: len(one.path)] == one.path for one in errors)


@pytest.mark.parametrize("place", PLACES, ids=lambda place: ".".join(map(str, place)))
def test_no_text_setting_lets_an_expression_through_unread(place: Steps, tmp_path: Path) -> None:
    """A broken expression is an error there, wherever it stands: it is compiled, or refused, or no choice."""
    told = told_of(PLACES[place], tmp_path / "routes.yaml")
    unread = {".".join(map(str, path)): errors for path, errors in told.items() if lets_it_through(path, errors)}
    assert unread == {}


@pytest.mark.parametrize(
    ("endpoint", "said"),
    [
        ("query: {a: {default: '{{ nosuch }}'}}", "unknown-name ‹nosuch› there is no `nosuch` here"),
        ("query: {a: {default: '{{ call }}'}}", "unknown-name ‹call› there is no `call` here: it is the result"),
        ("query: {a: {default: '{{ query.b }}'}}", "unknown-field ‹query.b› the query parameter `b` is not declared"),
        ("query: {a: {default: '{{ id }}', type: integer}}", None),
        ("query: {a: {type: integer, default: '{{ 1 + 1 }}'}}", None),
        ("query: {a: {type: integer, default: \"{{ 'x' }}\"}}", "bad-schema ‹{{ 'x' }}› this value is not an integer"),
        ("query: {a: {enum: ['{{ id }}']}}", "bad-expression ‹{{› nothing evaluates an expression here"),
        ("headers: {a: {const: '{{ id }}'}}", "bad-expression ‹{{› nothing evaluates an expression here"),
        ("params: {id: {description: 'a {{ b }}'}}", "bad-expression ‹{{› nothing evaluates an expression here"),
        ("body: {properties: {a: {default: '{{ id }}'}}}", "bad-expression ‹{{› nothing evaluates an expression here"),
        ("body: {properties: {'{{ a }}': {}}}", "bad-expression ‹{{ a }}› a key cannot hold an expression"),
    ],
)
def test_of_a_declaration_the_default_of_a_parameter_is_read(say: Say, endpoint: str, said: str | None) -> None:
    """The rest of a schema, and all of the schema of a body, says what is allowed and is never evaluated."""
    found = say(f"POST /x/{{id}}: {{call: 'users:/x/{{id}}', {endpoint}}}")
    assert [re.sub(r"^~.*", "", line)[: len(said or "")] for line in found] == ([said] if said else [])


def test_a_proxy_holds_no_expression(tmp_path: Path) -> None:
    """It is the same for every call."""
    text = document(("client", "proxy"), "http://{{ x }}:1").replace("proxy:", "transport: httpx\n  proxy:")
    (tmp_path / "routes.yaml").write_text(text)
    with pytest.raises(ConfigError, match="this is not the URL of a proxy"):
        load_config(tmp_path / "routes.yaml", {})


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        ("{a: '{{ nosuch( }}'}", "bad-expression ‹…› "),
        ("{a: '{{ item.x }}'}", "unknown-name ‹…› `a` of upstream `u`: there is no `item` here"),
        ("{a: '{{ nosuch }}'}", "unknown-name ‹…› `a` of upstream `u`: there is no `nosuch` here"),
        ("{a: '{{ call.x }}'}", "cycle ‹…› `call` reads its own result"),
        ("{a: '{{ query.x }} {{ headers.accept }} {{ request.id }} {{ body }}'}", None),
        ('{a: "Bearer {{ query.x }}\\n"}', "header-value ‹…› a header value cannot hold a line break"),
        ('{a: "\\e {{ query.x }}"}', "header-value ‹…› a header value cannot hold a line break"),
    ],
)
def test_headers_of_an_upstream_read_what_a_call_can_read(say: Say, headers: str, said: str | None) -> None:
    """A name that a call does not have is told at the call, an expression that is none at the upstream."""
    found = say(
        "POST /x: {call: 'u:/x'}", f"version: 1\nupstreams: {{u: {{url: http://u.test, headers: {headers}}}}}\n"
    )
    assert [re.sub("‹.*?›", "‹…›", line)[: len(said or "")] for line in found] == ([said] if said else [])
