"""What a list of items becomes: one call for each distinct key, or one for many keys, and the elements found again.

Called by ``each``; pure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from msgspec import Struct

from aggregator.codecs import json as json_codec
from aggregator.errors import CallError, Cause, ExpressionError
from aggregator.parts.names import ItemNames, Names
from aggregator.parts.result import as_call_error
from aggregator.plan.calls import BatchPlan, EachPlan
from aggregator.runtime.parts.blame import blame
from aggregator.runtime.parts.shape import compile_structure
from aggregator.shaping.keys import key_text
from aggregator.shaping.path import compile_extract
from aggregator.templates import MISSING, Joined

Key: TypeAlias = str | int
"""What tells an item from others, as text; of an item that has no key, its place."""


class Job(Struct, frozen=True):
    """One call to make: the names that it sees, the keys that it is for, the place of its first item.

    A job with an *error* is not called: it has failed already.
    """

    seed: Mapping[str, Any]
    keys: tuple[Key, ...]
    place: int
    error: CallError | None = None


class Work(Struct, frozen=True):
    """*items* as they are joined, with the key of each, and the *jobs* that fetch what belongs to them."""

    items: list[Any]
    keys: list[Key]
    jobs: list[Job]


def work_of(plan: EachPlan, name: str, names: Names) -> Work:
    """Return what the part *name* has to do; raises ``ExpressionError`` and ``CallError``.

    A list that is null or missing has no items. An item without its key is a job that has failed already.
    """
    items = plan.items.evaluate(names)
    if items is None or items is MISSING:
        items = []
    if not isinstance(items, list):
        raise ExpressionError(f"`for_each` of '{name}' needs a list.").reading(plan.items.references)
    if len(items) > plan.max_items:
        message = f"`for_each` of '{name}' takes {plan.max_items} items, and there are {len(items)}."
        raise blame(CallError(Cause.TOO_LARGE, message), names, plan.items.references)
    values = [_key(plan, names, item, index) for index, item in enumerate(items)]
    keys = [index if value is MISSING else _text(value) for index, value in enumerate(values)]
    jobs = _without_key(plan, names, name, [index for index, value in enumerate(values) if value is MISSING])
    first: dict[str, int] = {}
    for index, key in enumerate(keys):
        if isinstance(key, str):
            first.setdefault(key, index)
    if plan.batch is not None:
        refused = CallError(Cause.EXPRESSION, f"A key of '{name}' holds what separates keys.")
        jobs += _batches(plan.batch, as_call_error(blame(refused, names, plan.items.references)), values, first)
    else:
        jobs += [Job({"item": items[i], "index": i}, (key,), i) for key, i in first.items()]
    return Work(_as_written(plan, names, items), keys, sorted(jobs, key=lambda job: job.place))


def _key(plan: EachPlan, names: Names, item: Any, index: int) -> Any:
    """Return what tells *item* from others: its declared key (``MISSING`` if null), or else all that the call reads."""
    scope = ItemNames(names, {"item": item, "index": index}, plan.items)
    if plan.key is None and plan.batch is None:
        return str(index) if plan.reads is None else [_or_null(read.evaluate(scope)) for read in plan.reads]
    value = item if plan.key is None else plan.key.evaluate(scope)
    return MISSING if value is None else value


def _without_key(plan: EachPlan, names: Names, name: str, places: list[int]) -> list[Job]:
    """Return the failed jobs of the items at *places*; raise ``CallError`` if one of them fails the part."""
    error = CallError(Cause.EXPRESSION, f"An item of '{name}' has no key.")
    error = as_call_error(blame(error, names, plan.items.references))
    if places and plan.on_error == "fail":
        raise error
    return [Job({}, (place,), place, error) for place in places]


def _as_written(plan: EachPlan, names: Names, items: list[Any]) -> list[Any]:
    """Return *items* with every digit of their numbers, if they are joined and were read, not computed."""
    if plan.join is None or plan.items.path is None:
        return items
    context = names.as_sent(plan.items.path)
    return items if context is None else plan.items.evaluate(context)


def _or_null(value: Any) -> Any:
    return None if value is MISSING else value


def _text(value: Any) -> str:
    text = key_text(value)
    return json_codec.encode(value).decode() if text is None else text


def _batches(plan: BatchPlan, refused: CallError, values: Sequence[Any], first: Mapping[str, int]) -> list[Job]:
    """Return the calls for the keys in *first*; a key that would be taken for several is *refused* already."""
    apart = [Job({}, (key,), index, refused) for key, index in first.items() if plan.separator in key]
    keys = [key for key in first if plan.separator not in key]
    for start in range(0, len(keys), plan.size):
        chunk = keys[start : start + plan.size]
        seed = {"keys": Joined([values[first[key]] for key in chunk], plan.separator)}
        apart.append(Job(seed, tuple(chunk), first[chunk[0]]))
    return apart


def compile_by_key(plan: BatchPlan, name: str) -> Callable[[Any], dict[Key, Any]]:
    """Return the function that finds the elements of a batch answer by their key as text; the first of equals counts.

    Their shape is taken after they were found, or a key that it removes would never be.
    """
    elements_of = None if plan.path is None else compile_extract(plan.path)
    key_of = compile_extract(plan.key)
    structure = compile_structure(plan.shape)

    def by_key(value: Any) -> dict[Key, Any]:
        elements = value if elements_of is None else elements_of(value)
        if not isinstance(elements, list):
            raise CallError(Cause.MALFORMED, f"The batch answer of '{name}' is not a list.")
        found: dict[Key, Any] = {}
        for element in elements:
            key = key_of(element)
            if key is not MISSING and key is not None:
                found.setdefault(_text(key), element if structure is None else structure(element))
        return found

    return by_key
