"""What is left of a wrong mapping without what is wrong in it, so that the rest is checked in the same run."""

from __future__ import annotations

from copy import deepcopy
from typing import Any, TypeVar

from pydantic import ValidationError

from aggregator.config.findings import written_path
from aggregator.config.text.values import Steps
from aggregator.fields import Settings

Model = TypeVar("Model", bound=Settings)
_ROUNDS = 5


def salvage(model: type[Model], value: Any, error: ValidationError) -> tuple[Model | None, frozenset[Steps]]:
    """Return *value* as *model* without everything that *error* is about, and the places that were lost with it.

    What *value* has been given since does not count as missing any more. None when nothing useful is left.
    """
    left, lost = deepcopy(value), set[Steps]()
    for _ in range(_ROUNDS):
        for path in _wrong(error, left):
            if not path:
                return None, frozenset(lost)
            lost.add(path)
            _remove(left, path)
        try:
            return model.model_validate(left), frozenset(lost)
        except ValidationError as further:
            error = further.with_traceback(None)  # which holds this frame, and so itself
    return None, frozenset(lost)


def _wrong(error: ValidationError, value: Any) -> list[Steps]:
    """Return the places to take out: deepest first, so that none is looked for in what is already gone."""
    paths = set[Steps]()
    for detail in error.errors(include_url=False, include_input=False, include_context=False):
        location = detail["loc"]
        missing = detail["type"] == "missing"
        if missing and len(location) == 1 and isinstance(value, dict) and location[0] in value:
            continue
        steps, _ = written_path(value, location[:-1] if missing else location)
        paths.add(_up_to_list(value, steps))
    return sorted(paths, key=len, reverse=True)


def _up_to_list(value: Any, path: Steps) -> Steps:
    """*path* without an index at its end: the items of a list keep their numbers, so the whole list goes."""
    for length, step in enumerate(path):
        if isinstance(value, list) and length == len(path) - 1:
            return path[:length]
        value = value[step]
    return path


def _remove(value: Any, path: Steps) -> None:
    for step in path[:-1]:
        if isinstance(value, dict) and step not in value:
            return
        value = value[step]
    if isinstance(value, dict):
        value.pop(path[-1], None)
