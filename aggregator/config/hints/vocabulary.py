"""Which keys the language has at a place, read off the models; for hints about keys that it does not have."""

from __future__ import annotations

import types
from collections.abc import Iterable, Iterator
from functools import cache, lru_cache
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from pydantic.fields import FieldInfo

from aggregator.fields import Settings, TextKind

Step = str | int

_SHORT_FOR = ("url", "in")
"""Keys whose value alone may stand for the whole mapping."""


def form_of(path: tuple[Step, ...]) -> tuple[Step, ...]:
    """*path* without the names of an endpoint and its host, so that what is known of one holds for all."""
    if path[:1] == ("endpoints",) and len(path) > 1:
        return (path[0], "", *path[2:])
    if path[:1] == ("virtual_hosts",) and len(path) > 3:
        return (path[0], "", path[2], "", *path[4:])
    return path


def model_at(model: type[Settings], path: Iterable[Step]) -> type[Settings] | None:
    """The model of the mapping that stands at *path* below one of *model*, or None when it has none."""
    kind: Any = model
    for step in path:
        kind = _below(kind, step)
    return next(_models(kind), None)


def field_at(model: type[Settings], path: tuple[Step, ...]) -> FieldInfo | None:
    """The field that the last step of *path* names, or None."""
    parent = model_at(model, path[:-1]) if path else None
    return None if parent is None else _fields(parent).get(str(path[-1]))


@cache
def keys_of(model: type[Settings]) -> tuple[str, ...]:
    """Return the keys that a mapping of *model* may have, as they are written: its own before those it inherits."""
    bases = [base for base in model.__mro__ if issubclass(base, Settings) and base is not Settings]
    fields = {name: field.alias or name for name, field in model.model_fields.items()}
    own_first = dict.fromkeys(name for base in bases for name in base.__annotations__ if name in fields)
    return tuple(fields[name] for name in own_first)


def takes_any_key(model: type[Settings]) -> bool:
    """Whether keys of *model* beyond its own are names that the operator gives."""
    return model.model_config.get("extra") == "allow"


def homes_of(key: str, model: type[Settings]) -> list[str]:
    """The keys of *model* whose mappings have *key*: ``call`` for ``method`` in an endpoint."""
    return [name for name, field in _fields(model).items() if _has(field.annotation, key)]


@lru_cache(maxsize=8192)  # thousands of endpoints have few forms
def keeps_text(model: type[Settings], path: tuple[Step, ...], *, is_respelled: bool) -> bool:
    """Whether a text at *path* that could be read as a number or a truth value has to stay a text.

    So it is where nothing but text may stand; and where text may, if the number would be written in another way.
    """
    kind: Any = model
    for step in path:
        kind = _below(kind, step)
    kinds = {*_candidates(kind)} - {type(None)}
    return kinds == {str} or (is_respelled and str in kinds)


@lru_cache(maxsize=8192)
def text_kind(model: type[Settings], path: tuple[Step, ...]) -> TextKind:
    """Return the kind of a text at *path* below a *model*: a call that is its URL alone is a URL."""
    kind: Any = model
    for index, step in enumerate(path, 1):
        field = _field_below(kind, step)
        if field is not None and (marked := _mark(field)) is not TextKind.PLAIN:
            return _kind_below(marked, path[index:])
        kind = _below(kind, step) if field is None else field.annotation
    shortened = (_fields(inner).get(key) for inner in _models_within(kind) for key in _SHORT_FOR)
    return next((_mark(field) for field in shortened if field is not None), TextKind.PLAIN)


def _kind_below(marked: TextKind, path: tuple[Step, ...]) -> TextKind:
    """Return what becomes of a text at *path* below a field that is *marked*.

    Of a declaration the default is read. A field of a multipart body is a text, or a list of such, or a file with
    ``content``; any other mapping becomes JSON.
    """
    if marked is TextKind.PARAMETERS:
        return TextKind.TEMPLATE if path[1:2] == ("default",) else TextKind.PLAIN
    if marked is TextKind.PARTS:
        names = [step for step in path[1:] if isinstance(step, str)]
        return TextKind.FIELDS if not names or names in (["content"], ["filename"]) else TextKind.TEMPLATE
    return marked


def may_hold(model: type[Settings], path: tuple[Step, ...], *kinds: Any) -> bool:
    """Return whether a value at *path* below a *model* may be of one of *kinds*, such as ``str``, or of any kind."""
    kind: Any = model
    for step in path:
        if Any in _candidates(kind):
            return True
        field = _field_below(kind, step)
        kind = _below(kind, step) if field is None else field.annotation
    return any((get_origin(candidate) or candidate) in (*kinds, Any) for candidate in _candidates(kind))


def _mark(field: FieldInfo) -> TextKind:
    return next((mark for mark in field.metadata if isinstance(mark, TextKind)), TextKind.PLAIN)


def _field_below(kind: Any, step: Step) -> FieldInfo | None:
    """Return the field that *step* names in a mapping of *kind*, or in the only item where the list was not written."""
    for inner in _models_within(kind):
        field = _fields(inner).get(str(step)) or inner.model_fields.get(str(step))
        if field is not None and isinstance(step, str):
            return field
    return None


def _models_within(kind: Any) -> Iterator[type[Settings]]:
    yield from _models(kind)
    for candidate in _candidates(kind):
        if get_origin(candidate) is tuple:
            yield from _models(get_args(candidate)[0])


def _has(kind: Any, key: str) -> bool:
    return any(key in _fields(inner) for inner in _models(kind))


@cache
def _fields(model: type[Settings]) -> dict[str, FieldInfo]:
    if not model.__pydantic_fields_complete__:  # names of models further down the file are only known now
        model.model_rebuild()
    return {field.alias or name: field for name, field in model.model_fields.items()}


@cache
def _extra(model: type[Settings]) -> Any:
    hints = get_type_hints(model, include_extras=True)
    return get_args(hints["__pydantic_extra__"])[1] if takes_any_key(model) else None


def _below(kind: Any, step: Step) -> Any:
    """The type of what stands at *step* in a value of *kind*; *kind* itself when it says nothing of it."""
    for candidate in _candidates(kind):
        origin = get_origin(candidate)
        if isinstance(candidate, type) and issubclass(candidate, Settings):
            field = _fields(candidate).get(str(step))
            if field is not None:
                return field.annotation
            if takes_any_key(candidate):
                return _extra(candidate)
        elif origin is dict:
            return get_args(candidate)[1]
        elif origin is tuple:
            return get_args(candidate)[0]
    return None


def _candidates(kind: Any) -> Iterator[Any]:
    """The members of a union, annotations taken off."""
    origin = get_origin(kind)
    if origin is Annotated:
        yield from _candidates(get_args(kind)[0])
    elif origin in (Union, types.UnionType):
        for member in get_args(kind):
            yield from _candidates(member)
    else:
        yield kind


def _models(kind: Any) -> Iterator[type[Settings]]:
    """The models that a value of *kind*, or an item of it, may be of."""
    for candidate in _candidates(kind):
        if isinstance(candidate, type) and issubclass(candidate, Settings):
            yield candidate
