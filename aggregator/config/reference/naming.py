"""The JSON Schema for editors with the names that one file declares: upstreams, groups, and schemes of ``auth``.

A schema that is the same for every file cannot offer them. The names are read from the text alone, so that a file that
has problems, or whose variables are not set where the editor runs, gives them all the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

from aggregator.config.text.including import read_tree
from aggregator.errors import ConfigError

Schema = dict[str, Any]
Names = Mapping[str, tuple[str, ...]]

_SECTIONS = ("upstreams", "groups", "auth")
_BY_NAME = "`upstream:/path`"
_CALLS = ("#/$defs/CallSettings", "#/$defs/BackgroundCallSettings")


def names_in(path: Path) -> Names:
    """Return the names that the file at *path* and the files that it includes declare, by section.

    Raises :class:`ConfigError` when none of them can be read.
    """
    tree = read_tree(path)
    if not tree.documents:
        raise ConfigError(tree.diagnostics, tree.sources)
    sections = [document.sections for document in tree.documents]
    return {
        name: tuple(dict.fromkeys(key for each in sections if name in each for key in _keys(each[name].value)))
        for name in _SECTIONS
    }


def with_names(schema: Schema, names: Names) -> Schema:
    """Return *schema*, the one for editors, which offers *names* where a file uses them."""
    schema = deepcopy(schema)
    parts = schema["$defs"]
    urls = [f"{name}:/" for name in names["upstreams"]]
    for place in (*_short_calls(schema), *_urls(parts)):
        _offer(place, urls)
    _offer(parts["FanOutSettings"]["properties"]["use"], names["groups"])
    for place in _uses_of_auth(schema):
        _offer(place, (*names["auth"], "none"))
    return schema


def _keys(value: object) -> Iterator[str]:
    return (str(key) for key in value) if isinstance(value, dict) else iter(())


def _offer(place: Schema, words: Sequence[str]) -> None:
    if words:
        place["examples"] = list(words)


def _short_calls(part: Any) -> Iterator[Schema]:
    """Yield the schemas inside *part* of calls that are written as a URL alone."""
    if isinstance(part, list):
        for inner in part:
            yield from _short_calls(inner)
    elif isinstance(part, dict):
        choices = part.get("anyOf", ())
        if any(choice.get("$ref") in _CALLS for choice in choices):
            yield from (choice for choice in choices if choice.get("type") == "string")
        for inner in part.values():
            yield from _short_calls(inner)


def _urls(parts: Mapping[str, Schema]) -> Iterator[Schema]:
    """Yield the schemas of the settings ``url`` that take the name of an upstream, as their descriptions say."""
    for part in parts.values():
        url = part.get("properties", {}).get("url", {})
        if _BY_NAME in url.get("description", ""):
            yield url


def _uses_of_auth(schema: Schema) -> Iterator[Schema]:
    """Yield the schemas of the settings that say who may call."""
    parts = schema["$defs"]
    for part in parts.values():
        auth = part.get("properties", {}).get("auth", {})
        if any(choice.get("$ref") == "#/$defs/AuthSettings" for choice in auth.get("anyOf", ())):
            yield auth
    for several in parts["AuthSettings"]["properties"].values():
        yield from (choice["items"] for choice in several.get("anyOf", (several,)) if "items" in choice)
