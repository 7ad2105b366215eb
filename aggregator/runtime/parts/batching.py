"""What a list of items becomes: one call for each distinct key, or one for many keys, and the elements found again.

Called by ``each``; pure.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from msgspec import Struct

from aggregator.codecs import json as json_codec
from aggregator.errors import CallError, Cause, ExpressionError
from aggregator.parts.names import ItemNames, Names
from aggregator.parts.result import Result, as_call_error
from aggregator.plan.calls import BatchPlan, EachPlan
from aggregator.runtime.parts.blame import blame
from aggregator.runtime.parts.shape import compile_structure
from aggregator.shaping.keys import key_text
from aggregator.shaping.path import compile_extract
from aggregator.templates import MISSING, Joined

Key: TypeAlias = str | int
"""What tells an item from others, as text; of an item that has no key, its place."""


class Job(Struct, frozen=True):
    """One call to make: its names, its keys, and the index of its first item.

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


def work_of(plan: EachPlan, name: str, names: Names, rank: Callable[[Any], int] | None = None) -> Work:
    """Return what the part *name* has to do; raises ``ExpressionError`` and ``CallError``.

    Keys of one *rank* are in batches of their own. A list that is null or missing has no items. An item without its key
    is a job that has failed already.
    """
    items = _items(plan, names)
    if not isinstance(items, list):
        raise ExpressionError(f"`for_each` of '{name}' needs a list.").reading(plan.items.references)
    if len(items) > plan.max_items:
        message = f"`for_each` of '{name}' takes {plan.max_items} items, and there are {len(items)}."
        raise blame(CallError(Cause.TOO_LARGE, message), names, plan.items.references)
    values = [_key(plan, names, item, index) for index, item in enumerate(items)]
    keys = [index if value is MISSING else text_of_key(value) for index, value in enumerate(values)]
    jobs = _without_key(plan, names, name, [index for index, value in enumerate(values) if value is MISSING])
    first: dict[str, int] = {}
    for index, key in enumerate(keys):
        if isinstance(key, str):
            first.setdefault(key, index)
    if plan.batch is not None:
        refused = CallError(Cause.EXPRESSION, f"A key of '{name}' holds what separates keys.")
        jobs += _batches(plan.batch, as_call_error(blame(refused, names, plan.items.references)), values, first, rank)
    else:
        jobs += [Job({"item": items[i], "index": i}, (key,), i) for key, i in first.items()]
    return Work(_as_written(plan, names, items), keys, sorted(jobs, key=lambda job: job.place))


def keys_in(plan: EachPlan, names: Names) -> Iterator[Any]:
    """Yield what tells each item from others, once; none where ``work_of`` refuses the list. Raises as it does."""
    items = _items(plan, names)
    if isinstance(items, list) and len(items) <= plan.max_items:
        values = (_key(plan, names, item, index) for index, item in enumerate(items))
        yield from {text_of_key(value): value for value in values if value is not MISSING}.values()


def _items(plan: EachPlan, names: Names) -> Any:
    items = plan.items.evaluate(names)
    return [] if items is None or items is MISSING else items


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


def text_of_key(value: Any) -> str:
    """Return *value* as the text that a key is matched by."""
    text = key_text(value)
    return json_codec.encode(value).decode() if text is None else text


def _batches(
    plan: BatchPlan, refused: CallError, values: Sequence[Any], first: Mapping[str, int],
    rank: Callable[[Any], int] | None,
) -> list[Job]:  # fmt: skip
    """Return the calls for the keys in *first*; a key that would be taken for several is *refused* already."""
    jobs = [Job({}, (key,), index, refused) for key, index in first.items() if plan.separator in key]
    keys = [key for key in first if plan.separator not in key]
    lots: defaultdict[int, list[str]] = defaultdict(list)
    for key in keys:
        lots[0 if rank is None else rank(values[first[key]])].append(key)
    for chunk in (lot[start : start + plan.size] for lot in lots.values() for start in range(0, len(lot), plan.size)):
        seed = {"keys": Joined([values[first[key]] for key in chunk], plan.separator)}
        jobs.append(Job(seed, tuple(chunk), first[chunk[0]]))
    return jobs


def compile_by_key(plan: BatchPlan, name: str) -> Callable[[Result], Mapping[str, Any]]:
    """Return the function that finds the elements of a batch answer by their key as text, unless they are found.

    Their shape is taken after that, or a key that it removes would never be found.
    """
    find, structure = compile_find(plan.path, plan.key, name), compile_structure(plan.shape)

    def by_key(result: Result) -> Mapping[str, Any]:
        texts = result.elements
        if texts is None:
            found = find(result.exact)
        else:
            found = {key: json_codec.decode_exact(text) for key, text in texts.items() if text}
        return found if structure is None else {key: structure(element) for key, element in found.items()}

    return by_key


def compile_find(path: str | None, key: str, name: str) -> Callable[[Any], dict[str, Any]]:
    """Return the function that finds, by their *key*, the elements at *path* in the data of a reply.

    The first of those with equal keys counts. It raises ``CallError`` for what is no list.
    """
    elements_of = None if path is None else compile_extract(path)
    key_of = compile_extract(key)

    def find(value: Any) -> dict[str, Any]:
        elements = value if elements_of is None else elements_of(value)
        if not isinstance(elements, list):
            raise CallError(Cause.MALFORMED, f"The batch answer of '{name}' is not a list.")
        found: dict[str, Any] = {}
        for element in elements:
            key = key_of(element)
            if key is not MISSING and key is not None:
                found.setdefault(text_of_key(key), element)
        return found

    return find
