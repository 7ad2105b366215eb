"""The common rules of parameters (bounds, lengths, listed values) as plain comparisons.

A parameter that uses only these needs no validator: nothing to import at start, less work for each request.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from aggregator.schemas.judging.sentences import sentence
from aggregator.schemas.keywords import Schema
from aggregator.schemas.problems import Violation

Breaks = Callable[[Any, Any], bool]

_BREAKS: dict[str, tuple[Breaks, str]] = {
    "minimum": (lambda value, limit: value < limit, "limit"),
    "maximum": (lambda value, limit: value > limit, "limit"),
    "exclusiveMinimum": (lambda value, limit: value <= limit, "limit"),
    "exclusiveMaximum": (lambda value, limit: value >= limit, "limit"),
    "minLength": (lambda value, limit: len(value) < limit, "limit"),
    "maxLength": (lambda value, limit: len(value) > limit, "limit"),
    "enum": (lambda value, options: value not in options, "options"),
    "const": (lambda value, expected: value != expected, "expected_value"),
}
"""For each keyword: whether a value of the declared type breaks it, and what its sentence calls the limit."""

NATIVE = frozenset(_BREAKS)


def compile_limits(
    rules: Schema, pointer: str, location: str, hidden: Sequence[Any] = ()
) -> Callable[[Any], list[Violation]]:
    """Return the function that finds every violation of *rules*, all of them in ``NATIVE``; *hidden* is never told."""
    checks = []
    for keyword, limit in rules.items():
        breaks, name = _BREAKS[keyword]
        message = sentence(keyword, {name: limit, "hidden": hidden})
        checks.append((breaks, limit, Violation(pointer, location, message, keyword)))

    def check(value: Any) -> list[Violation]:
        return [violation for breaks, limit, violation in checks if breaks(value, limit)]

    return check
