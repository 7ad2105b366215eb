"""Many keys in one call: keys cut into chunks, and the elements of the answer found by their key."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aggregator.codecs import json as json_codec
from aggregator.errors import CallError, Cause
from aggregator.plan.types import BatchPlan


def batches(keys: Sequence[str], size: int) -> list[tuple[str, ...]]:
    """Give *keys* in chunks of at most *size*: ``["a", "b", "c"], 2`` → ``[("a", "b"), ("c",)]``."""
    return [tuple(keys[start : start + size]) for start in range(0, len(keys), size)]


def by_key(value: Any, plan: BatchPlan, name: str) -> dict[str, Any]:
    """Give the elements of the answer *value* by the text of their key; the first of equal ones counts."""
    elements = _at(value, plan.path) if plan.path else value
    if not isinstance(elements, list):
        raise CallError(Cause.MALFORMED, f"The batch answer of '{name}' is not a list.")
    found: dict[str, Any] = {}
    for element in elements:
        key = _at(element, plan.key)
        if key is not None:
            found.setdefault(key if isinstance(key, str) else json_codec.encode(key).decode(), element)
    return found


def _at(value: Any, path: str) -> Any:
    for step in path.split("."):
        if not isinstance(value, dict):
            return None
        value = value.get(step)
    return value
