"""Where a setting of a call has an effect: a mark that each field carries, from which the rules derive their lists.

A field without a mark does not import, so that no key can be written where it is silently ignored.
"""

from __future__ import annotations

from enum import Flag, auto
from functools import lru_cache
from inspect import get_annotations
from typing import Annotated, get_args, get_origin

from aggregator.fields import Settings


class Works(Flag):
    """The places of a call; a mark names those in which its field has an effect.

    By role: the single *CALL* of an endpoint, a *PART* of a fan-out, one *RUNNER* of a race, an alternative
    (*FALLBACK*), a *BACKGROUND* call, and what is in a fan-out of one (*LATER*). By kind: around a *RACE* or a nested
    *GROUP*. *STREAM* is the call of a streaming endpoint, *EACH* a call for each item of a list.
    """

    CALL = auto()
    PART = auto()
    RUNNER = auto()
    FALLBACK = auto()
    BACKGROUND = auto()
    LATER = auto()
    RACE = auto()
    GROUP = auto()
    STREAM = auto()
    EACH = auto()


EVERYWHERE = ~Works(0)
IN_REQUEST = EVERYWHERE & ~(Works.RACE | Works.GROUP)
"""Marks what is said of one request, so not of several at once."""
ON_RESULT = EVERYWHERE & ~(Works.BACKGROUND | Works.STREAM)
"""Marks what is done with a result, so neither where nobody reads it nor where it passes unread."""
ON_PART = ON_RESULT & ~Works.FALLBACK
"""Marks what is around all alternatives of a part."""


@lru_cache(maxsize=16)
def marks_of(model: type[Settings]) -> dict[str, Works]:
    """Return the mark of each field of *model*, by its key in the file; raises ``TypeError`` for one without."""
    found: dict[str, Works] = {}
    for name, annotation in _annotations(model).items():
        marks = [mark for mark in get_args(annotation)[1:] if isinstance(mark, Works)]
        if get_origin(annotation) is not Annotated or len(marks) != 1:
            raise TypeError(f"{model.__name__}.{name} needs one mark that says where it has an effect, see {__name__}")
        found[model.model_fields[name].alias or name] = marks[0]
    return found


def _annotations(model: type[Settings]) -> dict[str, object]:
    """Return the annotations of the fields of *model* and of the models that it extends, those first."""
    classes = [cls for cls in reversed(model.__mro__) if issubclass(cls, Settings)]
    hints = {name: hint for cls in classes for name, hint in get_annotations(cls, eval_str=True).items()}
    return {name: hint for name, hint in hints.items() if name in model.model_fields}


@lru_cache(maxsize=256)
def keys_without_effect(model: type[Settings], place: Works) -> tuple[str, ...]:
    """Return the keys of *model* that have no effect in *place*, in declared order.

    They are remembered, since each call of a file asks for them, and some models have fifty keys.
    """
    return tuple(key for key, mark in marks_of(model).items() if not place & mark)
