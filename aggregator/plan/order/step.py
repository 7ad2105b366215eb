"""A step of an order, and the tie between the orders that are declared and what is built from them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Generic, NamedTuple, TypeVar

P = TypeVar("P")
B = TypeVar("B")


class Step(NamedTuple, Generic[P]):
    """One step of an order, by its *name*; *words* are what `explain` prints of it for a plan, none without it.

    The words are keys of the file where there are some.
    """

    name: str
    has: Callable[[P], bool]
    words: Callable[[P], tuple[str, ...]]


def step(name: str, has: Callable[[P], bool], word: str | None = None) -> Step[P]:
    """Return a step that is said in one *word*, its name unless given."""
    return Step(name, has, lambda _: (word or name,))


def words_of(steps: Iterable[Step[P]], plan: P) -> tuple[str, ...]:
    """Return the words of those of *steps* that *plan* has, in their order."""
    return tuple(word for each in steps if each.has(plan) for word in each.words(plan))


def tied(steps: Iterable[Step[P]], builders: Mapping[str, B]) -> tuple[tuple[Step[P], B], ...]:
    """Return *steps* in their order, each with what builds it.

    Raises ``TypeError`` for a step that nothing builds, and for a builder that stands in no order.
    """
    steps = tuple(steps)
    names = {each.name for each in steps}
    if names != builders.keys() or len(names) != len(steps):
        raise TypeError(f"these steps are not built, or not declared: {sorted(names ^ builders.keys())}")
    return tuple((each, builders[each.name]) for each in steps)
