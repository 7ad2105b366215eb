"""A group where a call is expected: the hint names `use`, and is right when it is followed."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Say = Callable[..., list[str]]

_GROUPS = "groups: {g: {a: 'http://h/a'}, h: {b: 'http://h/b'}}\n"
_OTHERS = "every other key of a fan-out names a call"
_BARE = "a call has a URL, `upstream:/path` or `https://host/path`"


def _file(fan_out: str) -> str:
    return f"{_GROUPS}upstreams: {{users: {{url: 'http://u'}}}}\nendpoints:\n  GET /x:\n    fan_out: {fan_out}\n"


def _hints(lines: list[str]) -> list[str]:
    return [line.partition(" → ")[2] for line in lines]


@pytest.mark.parametrize(
    ("wrong", "hint", "mended"),
    [
        ("{uses: g}", f"write `use: g`; {_OTHERS}", "{use: g}"),
        ("{Use: g}", f"write `use: g`; {_OTHERS}", "{use: g}"),
        ("{group: g}", f"write `use: g`; {_OTHERS}", "{use: g}"),
        ("{first: g}", f"write `use: g`; {_OTHERS}", "{use: g}"),
        ("{use: g, uses: h}", f"write `use: [g, h]`; {_OTHERS}", "{use: [g, h]}"),
        ("{use: [g], uses: [h]}", f"write `use: [g, h]`; {_OTHERS}", "{use: [g, h]}"),
        ("{uses: [g, h]}", f"write `use: [g, h]`; {_OTHERS}", "{use: [g, h]}"),
        ("[g, h]", "write `use: [g, h]` below it", "{use: [g, h]}"),
        ("g", "write `use: g` below it", "{use: g}"),
        ("'users:/x'", "give it a name: `first: users:/x`", "{first: 'users:/x'}"),
    ],
)
def test_a_group_under_another_key_is_taken_in_by_use(wrong: str, hint: str, mended: str, explain: Say) -> None:
    """However far the key is from `use`, a name that is a group's can mean nothing else there."""
    assert _hints(explain(_file(wrong))) == [hint]
    assert explain(_file(mended)) == []


def test_a_group_in_a_nested_fan_out_is_taken_in_by_use(explain: Say) -> None:
    """A fan-out within a call, and one after the answer, have the same key."""
    inner = "{users: {fan_out: {uses: g}}}"
    assert _hints(explain(_file(inner))) == [f"write `use: g`; {_OTHERS}"]


def test_a_group_within_a_group_is_taken_in_by_a_call(explain: Say) -> None:
    """A group has calls only, so that `use` needs a fan-out of its own."""
    file = "groups: {g: {a: 'http://h/a'}, h: {x: %s}}\nendpoints: {GET /x: {fan_out: {use: h}}}\n"
    assert _hints(explain(file % "g")) == ["write `g: {fan_out: {use: g}}`"]
    assert explain((file % "g").replace("x: g", "g: {fan_out: {use: g}}")) == []


@pytest.mark.parametrize("key", ["uses", "used", "groups"])
def test_a_name_that_no_group_has_may_be_one(key: str, explain: Say) -> None:
    """The file may declare it next; a call is as likely."""
    assert _hints(explain(_file(f"{{{key}: i}}"))) == [f"write `use: i` if it is a group; {_BARE}"]


@pytest.mark.parametrize("part", ["user: users", "uses: /a", "one: i", "uses: 'i/a'", "uses: {url: g}"])
def test_what_is_no_group_is_a_call(part: str, explain: Say) -> None:
    """The name of an upstream, a path, or a name below a key like any other."""
    assert not [hint for hint in _hints(explain(_file(f"{{{part}}}"))) if "`use: " in hint]


@pytest.mark.parametrize("key", ["uses", "user", "group"])
def test_a_call_may_have_a_name_near_use(key: str, explain: Say) -> None:
    """Its URL says that it is one."""
    assert explain(_file(f"{{use: g, {key}: 'users:/a'}}")) == []
