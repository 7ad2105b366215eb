"""The contract of what keeps durable effects: one SQLite file, or a server that machines share.

Every implementation passes ``tests/effects/test_effect_stores.py``. Times are Unix time; what cannot be written or read
is ``StoreError``.
"""

from __future__ import annotations

from asyncio import Future
from collections.abc import Awaitable, Mapping
from typing import Any, Final, Protocol, TypeAlias

from msgspec import Struct, field

from aggregator.errors import StoreError
from aggregator.stores.effects.records import DEAD, PARKED, SENT, STATES, WAITING, EffectRecord, Outcome

Label: TypeAlias = tuple[str, str]
"""What effects are of: the key of an endpoint, and the name of its call."""
MOST: Final = 1000
"""Effects in one answer."""
ORDERS: Final = ("retry", "discard", "replay", "forget")
FROM: Final[Mapping[str, tuple[str, ...]]] = {
    "retry": (DEAD, WAITING, PARKED), "discard": (DEAD, WAITING, PARKED), "replay": (SENT,), "forget": STATES,
}  # fmt: skip
"""In which states an effect is that an order is for."""
EXPIRED: Final = {"reason": "It has waited for longer than `max.age`."}
"""The last answer of an effect that was given up."""


class DoubtError(StoreError):
    """Nobody knows yet whether something is kept: the store was handed it, and nothing was heard of it.

    *settled* comes to whether it is, once the store is back; it is cancelled where nobody will know.
    """

    def __init__(self, reason: str, settled: Future[bool]) -> None:
        super().__init__(reason)
        self.settled = settled


Stored: TypeAlias = bool | StoreError
"""Whether a group is kept; an error where that failed, which is a ``DoubtError`` unless it is not kept."""


class Kept(Struct):
    """The number of effects kept, by state, and their bytes in all."""

    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(STATES, 0))
    size: int = 0

    @property
    def number(self) -> int:
        """The number of effects kept in all."""
        return sum(self.counts.values())

    def move(self, old: str | None, new: str | None, size: int = 0) -> None:
        """Count an effect that moves from state *old* to *new*; None for one that is new, or gone."""
        for state, step in ((old, -1), (new, 1)):
            if state is not None:
                self.counts[state] += step
        self.size += size


class Bounds(Struct, frozen=True):
    """The number of effects, and of their bytes, that may be kept."""

    count: int
    size: int


class Filter(Struct, frozen=True):
    """Which effects are meant: those that all that is said fits.

    *key* is that of their order, *request* the id of the request that caused them; *since* is Unix time, of their end.
    """

    id: str | None = None
    name: str | None = None
    state: str | None = None
    key: str | None = None
    request: str | None = None
    since: float | None = None

    @property
    def is_empty(self) -> bool:
        """Whether every effect fits."""
        return self == Filter()


class Ages(Struct, frozen=True):
    """Unix times before which effects are too old: *waiting* since then, *sent*, or *dead* since then."""

    waiting: float
    sent: float
    dead: float


class Turn(Struct, frozen=True):
    """One turn of deliveries at *now*: what *ended* is kept, and what is due is leased.

    That is up to *room* for each upstream, and *most* in all: what is due first, or to those of *newest* what was tried
    least, and of that the newest, among a hundred that are due last. What is *off*, as an endpoint and the name of its
    call, stays, and costs the others nothing, however much it is. What is older than *ages* goes, a step of it; where
    it *looks*, what processes have left that died waits again.
    """

    now: float
    ended: tuple[Outcome, ...] = ()
    room: Mapping[str, int] = {}
    most: int = 0
    ages: Ages | None = None
    looks: bool = False
    off: frozenset[Label] = frozenset()
    newest: frozenset[str] = frozenset()


class Turned(Struct, frozen=True):
    """The outcome of a turn: the effects *claimed*, and when the next one is due to an upstream that has room left.

    How many were *taken* over from processes that died, how many were *given_up*, and how many else went for their age.
    """

    claimed: list[EffectRecord]
    next_due: float | None = None
    taken: int = 0
    given_up: int = 0
    forgotten: int = 0


class EffectStore(Protocol):
    """Keeps effects, for any number of processes; each effect is leased to one of them."""

    @property
    def trouble(self) -> str | None:
        """Why nothing can be written at the moment; None while it can."""

    @property
    def overhead(self) -> int:
        """Bytes that count for each effect, beside those of what it sends."""

    @property
    def kept(self) -> Kept:
        """The counts of what is kept, as last reported by the store."""

    @property
    def upstreams(self) -> set[str]:
        """The upstreams to which something waits, or did."""

    def put_all(self, groups: list[list[EffectRecord]], bounds: Bounds) -> Future[list[Stored]]:
        """Return for each of *groups* whether it is kept, all of it or none: once they are, or there is no room.

        It never waits. What has been sent makes room, the oldest first, some of it for each call: more is asked for
        than there is room until enough has gone. One whose dedupe key is known is kept once. Where this fails as a
        whole, none of them is kept.
        """

    def turn(self, turn: Turn) -> Awaitable[Turned]:
        """Return what comes of *turn*; what has trouble is tried by it."""

    def park(self, known: frozenset[str], now: float, /) -> Awaitable[int]:
        """Park what waits for upstreams that are not *known*, let go on what is parked for those that are.

        Returns how many are parked anew.
        """

    def find(self, wanted: Filter, after: int = 0, most: int = MOST) -> Awaitable[list[dict[str, Any]]]:
        """Return up to *most* effects that are *wanted*, the oldest first, behind the place *after*."""

    def show(self, id_: str) -> Awaitable[dict[str, Any] | None]:
        """Return the effect *id_* with what it sends; None for an unknown one."""

    def order(self, what: str, wanted: Filter, now: float) -> Awaitable[int]:
        """Carry out *what*, one of ``ORDERS``, on the effects *wanted*; return their number.

        *retry* sends those again that wait or are dead, with all their attempts; *replay* those that were sent, under
        the keys that they had; *discard* and *forget* remove them. What is leased is left alone but by *forget*.
        """

    def look(self) -> Awaitable[None]:
        """Update ``kept``, which other processes change."""

    def aclose(self) -> Awaitable[None]:
        """Carry out what was submitted, then close the store; effects leased by this process wait again."""
