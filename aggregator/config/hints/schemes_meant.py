"""What was meant by `auth` of an endpoint that names its schemes as keys, as OpenAPI and other gateways do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from aggregator.config.hints.vocabulary import keys_of
from aggregator.config.hints.wording import in_yaml
from aggregator.diagnostics import suggest
from aggregator.fields import Settings

_LISTS: Final = ("any", "all")
_WORDS: Final = frozenset({"scheme", "schemes", "name", "names", "type", "types", "use", "oneof", "allof"})
"""Keys that say the name of a scheme, and are none."""


def asks_schemes(here: type[Settings] | None) -> bool:
    """Return whether a mapping of *here* names the schemes that admit a caller."""
    return here is not None and set(_LISTS) <= set(keys_of(here))


def schemes_in(found: Any) -> tuple[str, ...]:
    """Return the schemes that *found*, a mapping or a list, was probably meant to name; none where that is unknown."""
    if isinstance(found, list):
        return tuple(name for item in found for name in schemes_in(item))
    if isinstance(found, str):
        return (found,)
    if not isinstance(found, Mapping):
        return ()
    return tuple(name for key, value in found.items() for name in _named(str(key), value))


def hint_for_schemes(found: Any) -> str | None:
    """Return how `auth` is written that says *found*; None where it cannot be known which schemes are meant."""
    if found is False:
        return "write `auth: none` to ask nobody"
    names = tuple(dict.fromkeys(schemes_in(found)))
    if not names:
        return None
    said = [] if not isinstance(found, Mapping) else [key for key in _LISTS if isinstance(found.get(key), list)]
    if said:
        return f"write `{said[0]}: {in_yaml(list(dict.fromkeys([*found[said[0]], *names])))}`"
    return f"write {_alone(names)}{_rights_in(found, names[0]) if len(names) == 1 else ''}"


def hint_for_list(found: Any) -> str | None:
    """Return how a list of schemes is written that says *found*, which is none."""
    names = tuple(dict.fromkeys(schemes_in(found)))
    return f"write `{in_yaml(names)}`" if names else None


def _alone(names: tuple[str, ...]) -> str:
    if len(names) == 1:
        return f"`auth: {names[0]}`"
    return f"`auth: {{any: {in_yaml(names)}}}` for one of them, `{{all: …}}` for every one"


def names_a_scheme(key: str, value: Any) -> bool:
    """Return whether *key* with *value*, which `auth` does not have, names a scheme."""
    return bool(_named(key, value))


def _named(key: str, value: Any) -> tuple[str, ...]:
    """Return the schemes that *key* with *value* names: itself, unless it is another word."""
    if key in (*_LISTS, "optional") or (suggest(key, (*_LISTS, "optional")) is not None):
        return ()
    if key.lower() in _WORDS:
        names = value if isinstance(value, list) else [value]
        return tuple(name for name in names if isinstance(name, str))
    return (key,) if value is None or value is True or isinstance(value, dict | list) else ()


def _rights_in(found: Any, name: str) -> str:
    """Return what is said of the scopes that *found* asks for besides the scheme *name*, as OpenAPI does."""
    whole = found[0] if isinstance(found, list) and len(found) == 1 else found
    scopes = whole.get(name) if isinstance(whole, Mapping) else None
    if not isinstance(scopes, list) or not scopes or not all(isinstance(scope, str) for scope in scopes):
        return ""
    return (
        f", and `require: \"{{{{ '{scopes[0]}' in auth.scopes }}}}\"` for {'its' if len(scopes) == 1 else 'each'} scope"
    )
