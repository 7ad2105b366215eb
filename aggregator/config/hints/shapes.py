"""What to write where a value is of another kind than its setting: the nearest form that was probably meant.

``validation`` asks with what it expected and what it found.
"""

from __future__ import annotations

import re
from typing import Any

from pydantic.fields import FieldInfo

from aggregator.config.hints.groups_meant import USE, are_names
from aggregator.config.hints.schemes_meant import asks_schemes, hint_for_list, hint_for_schemes
from aggregator.config.hints.vocabulary import field_at, keys_of, model_at, takes_any_key
from aggregator.config.hints.wording import example_of, in_yaml
from aggregator.config.text.values import Steps
from aggregator.durations import rate_in_words
from aggregator.fields import Settings, TextKind
from aggregator.policies.concurrency.settings import hint_for_rate
from aggregator.templates import with_scheme

_TIGHT = re.compile(r"([\w-]+):(?=\S)")
_PAIR = re.compile(r"([\w-]+):\s+(\S.*)")
_CALLED = re.compile(r"(?:[A-Z]+ +)?[\w-]+:/")
_STATUS = re.compile(r"[1-5](?:\d\d|xx)", re.ASCII)


_EXPRESSIONS = (TextKind.EXPRESSION, TextKind.CONDITION)

AN_EXPRESSION = "an expression"
"""What such a value is expected to be; text alone is none."""


def is_expression(field: FieldInfo | None) -> bool:
    """Return whether the value of *field* is one expression, a condition or another."""
    return field is not None and any(kind in field.metadata for kind in _EXPRESSIONS)


def _takes_an_expression(model: type[Settings], path: Steps) -> bool:
    """Return whether a text at *path* would stand for a mapping whose first key is an expression."""
    here = model_at(model, path)
    return here is not None and is_expression(field_at(here, keys_of(here)[:1]))


_AS_WHOM = (
    'write as whom it is called: `auth: {bearer: "${API_TOKEN}"}`; schemes of callers stand at endpoints, and their '
    "credential goes on by `forward: {auth: true}`"
)


_WHAT_GOES_ON = "say what goes on: `{headers: [authorization], query: [page], body: true}`, or less of it"


def _names_a_scheme(here: type[Settings] | None, found: Any) -> bool:
    """Return whether *found* is a name that stands for no kind of credential of *here*."""
    return isinstance(found, str) and here is not None and found not in keys_of(here)


def hint_for_type(model: type[Settings], path: Steps, expected: str, found: Any) -> str:
    """Return a hint how to write *found*, at *path* below *model*, as what is *expected*."""
    if path[:1] == ("auth",) and len(path) == 2 and expected == "a mapping":
        kind = str(found[0] if isinstance(found, list) and found else found)
        return _kind_of_scheme(model, path, kind)
    if found is None:
        return _behind_the_colon(model, path)
    if isinstance(found, str) and "${" in found:
        return f"give the variable {expected} as its value"
    if isinstance(found, bool | int | float) and (expected == AN_EXPRESSION or _takes_an_expression(model, path)):
        return f'write it in braces: `"{{{{ {in_yaml(found)} }}}}"`'
    if expected == "text" and isinstance(found, bool | int | float):
        return f'write it in quotes: `"{in_yaml(found)}"`'
    if expected == "text" and path[-1:] == ("body",) and isinstance(found, dict | list):
        return "write it under `json`; `body` is text"
    if expected == "a list" and (as_list := _as_list(model, path, found)) is not None:
        return as_list
    if expected == "a whole number" and path[-1:] == ("status",) and isinstance(found, str):
        return f"write a status, such as `502`, or a row: `{{detail: {in_yaml(found)}}}`"
    if expected == "a mapping" and path[:1] == ("groups",) and len(path) == 2:
        first = found[0] if isinstance(found, list) and found else found
        return f"give each call of the group a name: `{{first: {in_yaml(first)}}}`"
    if path == ("endpoints",) and isinstance(found, list) and (key := _endpoint_key(found)) is not None:
        return f"an endpoint is a key, its method and path: `{key}:`"
    if expected == "a whole number" and "concurrency" in path[-2:]:
        rate = rate_in_words(found) if isinstance(found, str) else None
        return hint_for_rate(rate) if rate is not None else "write a whole number, such as `5`"
    here = model_at(model, path)
    if path[:1] == ("upstreams",) and path[2:] == ("auth",) and _names_a_scheme(here, found):
        return _AS_WHOM
    hint = None
    if expected == "a mapping":
        hint = _of_list(here, found) if isinstance(found, list) else _of_scalar(here, found)
    field = field_at(model, path)
    example = example_of(field) if field and "{" not in str(path[-1]) else None
    if expected == AN_EXPRESSION and example is None:
        return f'write one in braces, as in `{path[-1]}: "{{{{ user.active }}}}"`'
    pairs = "write a `key: value` for each" if expected == "a mapping" else f"write {expected}"
    return hint or (f"write it like `{path[-1]}: {example}`" if example and path else pairs)


def _as_list(model: type[Settings], path: Steps, found: Any) -> str | None:
    """Return the hint to write *found* as the list that is expected at *path*; None for what can be none."""
    is_of_schemes = asks_schemes(model_at(model, path[:-1]))
    if isinstance(found, str) and found.startswith("-"):
        return f"write a space behind each dash: `- {found[1:].partition(' -')[0].strip()}`"
    if is_of_schemes and (hint := hint_for_list(found)) is not None:
        return hint
    if isinstance(found, dict):
        return f"write it as the item of a list: `- {in_yaml(found)}`"
    if isinstance(found, bool):
        which = "scheme" if is_of_schemes else "one that goes on"
        return f"name each {which}, as in `{path[-1]}: {in_yaml(_examples(model, path))}`"
    return f"write `[{in_yaml(found, within=True)}]`" if isinstance(found, str | int | float) else None


def _kind_of_scheme(model: type[Settings], path: Steps, found: str) -> str:
    """Return the hint to write the kind of the scheme at *path*: the one that *found* names, or the first."""
    kinds = keys_of(here) if (here := model_at(model, path)) is not None else ()
    kind = found if found in kinds else kinds[0]
    field = field_at(model, (*path, kind))
    return f"write its kind below it, as in `{kind}: {example_of(field) if field is not None else '{…}'}`"


def _behind_the_colon(model: type[Settings], path: Steps) -> str:
    """Return the hint to give the key at *path* a value, or to remove it where it may be left out."""
    field = field_at(model, path)
    if field is None or not field.is_required():
        return "write a value behind the colon, or remove the key"
    example = example_of(field)
    return f"write a value behind the colon{'' if example is None else f', as in `{path[-1]}: {example}`'}"


def _of_list(here: type[Settings] | None, found: list[Any]) -> str | None:
    """The mapping that a list was probably meant to be."""
    if here is not None and keys_of(here) == ("status", "when") and found and all(map(_is_status, found)):
        return f"write `status: {in_yaml(found)}` below it"
    if here is None and (named := _named(found)):
        return f"write `{in_yaml(named)}`"
    if here is None and found and all(isinstance(item, dict) and isinstance(item.get("name"), str) for item in found):
        return f"write each name as a key: `{found[0]['name']}:`"
    if asks_schemes(here):
        return hint_for_schemes(found)
    if here is not None and keys_of(here)[:2] == ("headers", "query"):
        return _WHAT_GOES_ON
    known = keys_of(here) if here is not None and not takes_any_key(here) else None
    if found and all(isinstance(item, dict) and item and (known is None or set(item) <= set(known)) for item in found):
        return f"leave the dashes out: `{next(iter(found[0]))}:` is a key, not an item of a list"
    texts = [item for item in found if isinstance(item, str)]
    if here is None:
        pairs = [(pair[1], pair[2]) for item in texts if (pair := _PAIR.fullmatch(item))]
        return f"write `{in_yaml(dict(pairs))}`" if texts and len(pairs) == len(found) else None
    if takes_any_key(here):
        if USE in keys_of(here) and are_names(found):
            return f"write `{USE}: {in_yaml(found)}` below it"
        return f"give each of them a name: `first: {texts[0]}`" if texts else None
    if "hosts" in keys_of(here) and "url" in keys_of(here):
        return f"write `hosts: {in_yaml(texts)}` below it" if texts else None
    return (
        "a call has one URL; several calls stand under `fan_out`, each with a name"
        if {"url", "method"} <= set(keys_of(here))
        else None
    )


def _address(text: str) -> str:
    """Return *text* as a URL: one of a call, which names its upstream, stays as it is."""
    return text if "://" in text or _CALLED.match(text) else with_scheme(text)


def _is_status(value: Any) -> bool:
    return isinstance(value, int | str) and not isinstance(value, bool)


_PAIR_KEYS = (("name", "value"), ("key", "value"))


def _named(found: list[Any]) -> dict[str, Any]:
    """Return the mapping that items of `name` and `value` say; an empty one when some item says something else."""
    pairs: dict[str, Any] = {}
    for item in found:
        keys = next((keys for keys in _PAIR_KEYS if isinstance(item, dict) and set(item) == set(keys)), None)
        if keys is None:
            return {}
        pairs[str(item[keys[0]])] = item[keys[1]]
    return pairs


def _endpoint_key(found: list[Any]) -> str | None:
    """Return the key of the first endpoint in a list of them, as gateways with lists write it; None for other lists."""
    first = found[0] if found and isinstance(found[0], dict) else {}
    method = next((str(first[key]).upper() for key in ("method", "verb") if isinstance(first.get(key), str)), "GET")
    keys = ("path", "endpoint", "route", "url", "uri")
    path = next((first[key] for key in keys if isinstance(first.get(key), str)), None)
    return None if path is None else f"{method} /{path.lstrip('/')}"


def _examples(model: type[Settings], path: Steps) -> Any:
    field = field_at(model, path)
    return field.examples[0] if field is not None and field.examples else ["page"]


def _of_scalar(here: type[Settings] | None, found: Any) -> str | None:
    """The mapping whose only setting a text or number was probably meant to be."""
    keys = keys_of(here) if here is not None else ()
    if isinstance(found, str) and (tight := _TIGHT.match(found)) and tight[1] in keys:
        return f"write `{tight[1]}: {found[tight.end() :]}`, with a space behind the colon"
    if found is False and asks_schemes(here):
        return hint_for_schemes(found)
    if here is not None and (url := field_at(here, ("url",))) is not None:
        return f"write `url: {_address(found) if isinstance(found, str) else example_of(url)}` below it"
    if isinstance(found, str) and USE in keys:
        if are_names(found):
            return f"write `{USE}: {found}` below it"
        return f"give it a name: `first: {found}`" if "://" in found or _CALLED.match(found) else None
    if isinstance(found, str) and "call" in keys:
        return f"write `call: {found}` below it"
    if keys[:1] == ("on",) and "status" in keys and ("part" in keys or _STATUS.fullmatch(str(found))):
        return f"write what it becomes, as in `{{on: {in_yaml(found)}, status: 502}}`"
    if keys == ("status", "when") and isinstance(found, str) and "{{" in found:
        return f"write `when: {in_yaml(found)}` below it"
    if keys[:2] == ("headers", "query") and (found is True or isinstance(found, str)):
        return _WHAT_GOES_ON
    if keys == ("status", "when") and _is_status(found):
        return f"write `status: [{in_yaml(found, within=True)}]` below it"
    return f"write `body: {in_yaml(found)}` below it" if "body" in keys and "call" not in keys else None
