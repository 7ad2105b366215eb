"""What requests ask of limits: all of one place of the order at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from aggregator.stores.quota import Quota
from aggregator.stores.rate import Rate, Taken

Limit = Rate | Quota


class Ask(NamedTuple):
    """A request of *cost* units from what *key* has of the limit *name*.

    One that is not *binding* keeps nobody from what the others grant: it is reported alone.
    """

    name: bytes
    key: bytes
    limit: Limit
    cost: int = 1
    binding: bool = True


def together(asks: Sequence[Ask], look: Callable[[Ask, int], Taken], take: Callable[[Ask], Taken]) -> tuple[Taken, ...]:
    """Return what *asks* come to: all binding ones are granted, or nothing is taken.

    *look* tells what so many units would come to, *take* takes. Where one refuses, the others tell what they have left.
    """
    if len(asks) == 1:
        return (take(asks[0]),)
    seen = [look(ask, ask.cost) for ask in asks]
    if any(ask.binding and not taken.granted for ask, taken in zip(asks, seen, strict=True)):
        return tuple(look(ask, 0) if taken.granted else taken for ask, taken in zip(asks, seen, strict=True))
    return tuple(map(take, asks))
