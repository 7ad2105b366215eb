"""What was meant by a key that does not exist: another spelling, another place, the word of another tool."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any, Literal

from pydantic import TypeAdapter, ValidationError

from aggregator.config.hints.addresses import hint_for_address
from aggregator.config.hints.other_tools import sentence_for
from aggregator.config.hints.schemes_meant import asks_schemes, hint_for_schemes, names_a_scheme
from aggregator.config.hints.spellings import OTHER_WORDS
from aggregator.config.hints.vocabulary import field_at, homes_of, keys_of, may_hold, model_at, takes_any_key
from aggregator.config.hints.wording import listed
from aggregator.config.text.values import Steps
from aggregator.diagnostics import suggest
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


def hint_for_key(model: type[Settings], path: Steps, siblings: Any) -> str:
    """Return a hint how to mend the unknown key that *path* ends with, below *model*, among *siblings*."""
    key = str(path[-1])
    here = model_at(model, path[:-1])
    allowed = keys_of(here) if here else ()
    if ENDPOINT_KEY.match(key):
        if "routes" in allowed:
            return "write it under `routes`"
        return f"write it further {'in' if 'endpoints' in allowed else 'out'}, right below `endpoints:`"
    word = key.lower().replace("-", "_")
    value = siblings.get(path[-1]) if isinstance(siblings, dict) else None
    is_scheme = asks_schemes(here) and names_a_scheme(key, value)
    is_kind = isinstance(value, dict) and sentence_for(word, allowed) is not None
    if is_scheme and not is_kind and (hint := hint_for_schemes(siblings)) is not None:
        return hint
    if here and isinstance(siblings, dict) and (hint := hint_for_address(here, word, siblings, value)) is not None:
        return hint
    if word == "limit" and isinstance(value, str) and "rate_limit" in allowed:
        return "write it like `rate_limit: 5/m`"
    if word in _BODIES and "status" in allowed and "body" in allowed:
        return "did you mean `body`?"
    other = other_word(key, allowed)
    spellings = (one for one in (word, f"{word}s", word.removesuffix("s")) if one in allowed)
    if (same := next(spellings, None)) is not None and here and _takes(here, (same,), value):
        several = other is not None and same != word and isinstance(value, dict | list)
        return f"did you mean `{other if several else same}`?"
    homes = [] if here is None else [home for home in homes_of(key, here) if _takes(here, (home, key), value)]
    if meant := [home for home in homes if here and _is_meant(here, (home, key), value)]:
        present = [home for home in meant if isinstance(siblings, dict) and home in siblings]
        return f"write it under {listed(present or meant, 'or')}"
    if other is not None:
        return f"did you mean `{other}`?"
    if _is_named(key, value, allowed):
        return f"write a list, in which each call says its name: `- name: {key}`"
    if (sentence := sentence_for(word, allowed)) is not None:
        return sentence
    if homes := [home for home in homes if (home, key) not in _NARROWER]:
        return f"write it under {listed(homes, 'or')}"
    if (outer := _outer(model, path)) is not None:
        return f"write it further out, beside `{outer}`"
    if (near := suggest(key, allowed)) is not None:
        return f"did you mean `{near}`?"
    if all(one in allowed for one in _ANSWERED_BY):
        allowed = tuple(dict.fromkeys((*_ANSWERED_BY, *allowed)))
    shown = ", ".join(allowed[:_MOST_LISTED]) + (", …" if len(allowed) > _MOST_LISTED else "")
    return f"allowed here: {shown}" if shown else "remove it"


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
