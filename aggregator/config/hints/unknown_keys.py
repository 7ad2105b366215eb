"""What was meant by a key that does not exist: another spelling, another place, the word of another tool."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any, Literal

from msgspec import Struct
from pydantic import TypeAdapter, ValidationError

from aggregator.config.hints.addresses import hint_for_address
from aggregator.config.hints.other_tools import sentence_for
from aggregator.config.hints.schemes_meant import asks_schemes, hint_for_schemes, names_a_scheme
from aggregator.config.hints.spellings import OTHER_WORDS
from aggregator.config.hints.vocabulary import field_at, homes_of, keys_of, may_hold, model_at, takes_any_key
from aggregator.config.hints.wording import listed
from aggregator.config.text.values import Steps
from aggregator.diagnostics import suggest
from aggregator.durations import rate_in_two
from aggregator.fields import Settings
from aggregator.http import METHODS

_METHOD = "|".join(METHODS)
ENDPOINT_KEY = re.compile(rf"(?:ANY|(?:{_METHOD})(?:\|(?:{_METHOD}))*) +/")
_CALLED = re.compile(rf"(?:(?:{_METHOD}) +)?[\w-]+:/", re.ASCII)
_MOST_LISTED = 8
_ANSWERED_BY = ("call", "fan_out", "respond")
"""What an endpoint answers with: one of them is what people look for, so they are listed before the rest."""
_NARROWER = frozenset({
    ("docs", "auth"), ("server", "cache"), ("admin", "hosts"), ("background", "workers"), ("store", "prefix"),
    ("store", "url"), ("store", "timeout"), ("background", "timeout"), ("call", "allow"), ("call", "deny"),
    ("respond", "allow"), ("respond", "deny"), ("response", "allow"), ("response", "deny"), ("background", "queue"),
    ("idempotency", "required"), ("docs", "path"), ("health", "path"), ("defaults", "endpoint"),
    ("forward", "deadline"),
})  # fmt: skip
"""Keys that mean less than those have in mind who write them further out: who may read the docs, and nothing else."""

_BODIES = frozenset({"json", "content", "text", "data", "payload", "value"})
"""Words for the body of an answer."""


def other_word(key: str, allowed: Collection[str]) -> str | None:
    """Return which of the *allowed* keys means what *key* means in other tools; None when none does."""
    words = OTHER_WORDS.get(key.lower().replace("-", "_"), "").split()
    return next((word for word in words if word in allowed), None)


class _Unknown(Struct):
    """The unknown key that *path* ends with, below *model*: with its *value*, and among *siblings*."""

    model: type[Settings]
    path: Steps
    siblings: Any
    here: type[Settings] | None
    allowed: tuple[str, ...]
    value: Any

    @property
    def key(self) -> str:
        """The key as it is written."""
        return str(self.path[-1])

    @property
    def word(self) -> str:
        """The key as it would be spelled here."""
        return self.key.lower().replace("-", "_")


def hint_for_key(model: type[Settings], path: Steps, siblings: Any) -> str:
    """Return a hint how to mend the unknown key that *path* ends with, below *model*, among *siblings*."""
    here = model_at(model, path[:-1])
    value = siblings.get(path[-1]) if isinstance(siblings, dict) else None
    unknown = _Unknown(model, path, siblings, here, keys_of(here) if here else (), value)
    return _of_its_kind(unknown) or _meant(unknown) or _elsewhere(unknown) or _allowed(unknown)


def _of_its_kind(unknown: _Unknown) -> str | None:
    """Return the hint for what can be told by its form: endpoints, schemes, addresses, rates and bodies."""
    here, allowed, value, siblings = unknown.here, unknown.allowed, unknown.value, unknown.siblings
    if ENDPOINT_KEY.match(unknown.key):
        if "routes" in allowed:
            return "write it under `routes`"
        return f"write it further {'in' if 'endpoints' in allowed else 'out'}, right below `endpoints:`"
    is_scheme = asks_schemes(here) and names_a_scheme(unknown.key, value)
    is_kind = isinstance(value, dict) and sentence_for(unknown.word, allowed) is not None
    if is_scheme and not is_kind and (hint := hint_for_schemes(siblings)) is not None:
        return hint
    if unknown.word == "limit" and isinstance(value, str) and "rate_limit" in allowed:
        return "write it like `rate_limit: 5/m`"
    if "rate" in allowed and "quota" in allowed and (rate := rate_in_two(siblings, unknown.key)) is not None:
        return f"write `rate: {rate}`"
    if unknown.word in _BODIES and "status" in allowed and "body" in allowed:
        return "did you mean `body`?"
    return hint_for_address(here, unknown.word, siblings, value) if here and isinstance(siblings, dict) else None


def _meant(unknown: _Unknown) -> str | None:
    """Return the key that was meant, here or below a key beside it; None where none takes the value."""
    here, allowed, value, siblings = unknown.here, unknown.allowed, unknown.value, unknown.siblings
    key, word, other = unknown.key, unknown.word, other_word(unknown.key, unknown.allowed)
    spellings = (one for one in (word, f"{word}s", word.removesuffix("s")) if one in allowed)
    if (same := next(spellings, None)) is not None and here and _takes(here, (same,), value):
        several = other is not None and same != word and isinstance(value, dict | list)
        return f"did you mean `{other if several else same}`?"
    if meant := [home for home in _homes(unknown) if here and _is_meant(here, (home, key), value)]:
        present = [home for home in meant if isinstance(siblings, dict) and home in siblings]
        return f"write it under {listed(present or meant, 'or')}"
    return None if other is None else f"did you mean `{other}`?"


def _elsewhere(unknown: _Unknown) -> str | None:
    """Return where the wish belongs, or what comes near the key; None for a word that nobody knows."""
    key, allowed = unknown.key, unknown.allowed
    if _is_named(key, unknown.value, allowed):
        return f"write a list, in which each call says its name: `- name: {key}`"
    if (sentence := sentence_for(unknown.word, allowed)) is not None:
        return sentence
    if homes := [home for home in _homes(unknown) if (home, key) not in _NARROWER]:
        return f"write it under {listed(homes, 'or')}"
    if (outer := _outer(unknown.model, unknown.path)) is not None:
        return f"write it further out, beside `{outer}`"
    return None if (near := suggest(key, allowed)) is None else f"did you mean `{near}`?"


def _allowed(unknown: _Unknown) -> str:
    allowed = unknown.allowed
    if all(one in allowed for one in _ANSWERED_BY):
        allowed = tuple(dict.fromkeys((*_ANSWERED_BY, *allowed)))
    shown = ", ".join(allowed[:_MOST_LISTED]) + (", …" if len(allowed) > _MOST_LISTED else "")
    return f"allowed here: {shown}" if shown else "remove it"


def _homes(unknown: _Unknown) -> list[str]:
    """Return the keys beside the unknown one below which it is known, and takes such a value."""
    here, key = unknown.here, unknown.key
    return [] if here is None else [home for home in homes_of(key, here) if _takes(here, (home, key), unknown.value)]


def _is_named(key: str, value: Any, allowed: Collection[str]) -> bool:
    """Return whether *value* stands below its name *key*, where what takes the *allowed* keys says its own."""
    if "name" not in allowed or "url" not in allowed or not key.isidentifier():
        return False
    if isinstance(value, str):
        return _CALLED.match(value) is not None
    return isinstance(value, dict) and "url" in value and all(one in allowed for one in value)


def _takes(here: type[Settings], path: Steps, value: Any) -> bool:
    """Return whether the key at *path* takes a mapping, where *value* is one, or a list, where it is one."""
    if not isinstance(value, dict | list):
        return True
    kinds = (dict,) if isinstance(value, dict) else (list, tuple)
    return may_hold(here, path, *kinds) or model_at(here, path) is not None


def _is_meant(here: type[Settings], path: tuple[str, str], value: Any) -> bool:
    """Return whether *value* is one for the key at *path*, as far as can be seen, and not for another of that name."""
    inner = model_at(here, path)
    if isinstance(value, dict):
        return inner is None or takes_any_key(inner) or not value or any(key in keys_of(inner) for key in value)
    if path in _NARROWER:
        return False
    takes_switch = may_hold(here, path, bool)
    if isinstance(value, bool):
        return takes_switch or inner is None
    if takes_switch and inner is None and not may_hold(here, path, str, Literal):
        return False
    return inner is not None or _fits(here, path, value)


def _fits(here: type[Settings], path: tuple[str, str], value: Any) -> bool:
    """Return whether the key at *path* takes *value*, which is no mapping."""
    field = field_at(here, path)
    if field is None or (isinstance(value, str) and "${" in value):
        return True
    try:
        TypeAdapter(field.rebuild_annotation()).validate_python(value)
    except ValidationError:
        return False
    return True


def _outer(model: type[Settings], path: Steps) -> str | None:
    """The key around the unknown one beside which it would be known."""
    for length in range(len(path) - 2, -1, -1):
        outer = model_at(model, path[:length])
        if outer is not None and str(path[-1]) in keys_of(outer):
            return str(path[length])
    return None
