"""The names that are lost with what is wrong: who reads one of them has made no mistake of its own."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from aggregator.config.findings import value_at
from aggregator.config.hints.spellings import OTHER_WORDS
from aggregator.config.text.values import Steps
from aggregator.diagnostics import suggest

_BRINGS: dict[str, tuple[str, ...]] = {"for_each": ("item", "index", "keys"), "batch": ("keys",), "use": ("use",)}
"""Keys of which others than the names below them come, and those."""
_OF_FIELDS = frozenset({"query", "headers", "cookies", "body", "json", "form", "multipart", "variables"})
"""Keys below which there are names of fields, which no expression reads by themselves."""
_NAME = re.compile(r"[A-Za-z_][\w-]*")


def lost_names(places: Iterable[Steps], value: Any) -> frozenset[str]:
    """Return the names that may be meant by what *value* says at *places*, which is wrong, or on the way there."""
    names = set[str]()
    for place in places:
        names.update(map(str, place))
        for step in place:
            names.update(name for word in _meant(str(step)) for name in _BRINGS.get(word, ()))
        if not _OF_FIELDS.intersection(place):
            names.update(_below(value_at(value, place)))
    return frozenset(names)


def _meant(key: str) -> Iterator[str]:
    """Yield *key*, and the keys of this language that it may be meant for."""
    word = key.lower().replace("-", "_")
    yield word
    yield from OTHER_WORDS.get(word, "").split()
    near = suggest(word, _BRINGS)
    if near is not None:
        yield near


def _below(value: Any) -> Iterator[str]:
    """Yield the keys in *value*, and what is called a name in it."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield str(key)
            if key == "name" and isinstance(inner, str) and _NAME.fullmatch(inner):
                yield inner
            yield from _below(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _below(inner)
