"""The lean door: what the runtime may ask of an upstream, whoever carries it out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterable, Callable
from typing import Protocol, Required, TypedDict, Unpack

from aggregator.errors import CallError
from aggregator.exchange import Exchange
from aggregator.transport.replies import Reply, StreamReply
from aggregator.transport.settings import PoolSettings

Done = Callable[[Reply | CallError], None]
"""Told once, later than `Door.start` returns, with the reply or the reason why there is none."""


class Cancelable(Protocol):
    """Something under way that can be given up: a call, or a part of an answer."""

    def cancel(self) -> object:
        """Cancel: ``done`` is not called any more."""


class CallTerms(TypedDict, total=False):
    """The arguments of `Door.start` beside the request, as a door around another passes them on."""

    deadline: Required[float]
    done: Required[Done]
    steps: int
    under_way: bool


def with_done(terms: CallTerms, done: Done) -> CallTerms:
    """Return *terms* of a call whose end *done* is told first."""
    changed = terms.copy()
    changed["done"] = done
    return changed


class StreamTerms(TypedDict, total=False):
    """The arguments of `Door.stream` beside the request, as a door around another passes them on."""

    deadline: Required[float | None]
    answer_timeout: float | None
    idle_timeout: float | None
    decode: bool


class Carrier(Protocol):
    """A carrier of one request to an upstream: the door itself, or an object that chooses one of several doors."""

    def start(
        self, method: bytes, target: bytes, headers: bytes, body: bytes | None, *, deadline: float, done: Done,
        steps: int = 0, under_way: bool = False,
    ) -> Cancelable:  # fmt: skip
        """See `Door.start`."""

    async def stream(
        self, method: bytes, target: bytes, headers: bytes, body: bytes | AsyncIterable[bytes] | None, *,
        deadline: float | None, answer_timeout: float | None = None, idle_timeout: float | None = None,
        decode: bool = False,
    ) -> StreamReply:  # fmt: skip
        """See `Door.stream`."""


class Door(ABC):
    r"""Calls to one upstream, bounded in number. Made and used inside one running event loop.

    In all calls, *target* is the request target (path and query); *headers* is a serialised block such as
    ``b"host: x\r\naccept: */*\r\n"``, without ``content-length``, ``transfer-encoding`` or a final blank
    line, which are added here; *deadline* is in loop time and covers everything, the body included.
    """

    __slots__ = ("settings",)

    def __init__(self, settings: PoolSettings) -> None:
        self.settings = settings

    @abstractmethod
    def start(
        self, method: bytes, target: bytes, headers: bytes, body: bytes | None, *, deadline: float, done: Done,
        steps: int = 0, under_way: bool = False,
    ) -> Cancelable:  # fmt: skip
        """Start a call; *done* is told once, later, with a Reply or a CallError, and never after `cancel`.

        *steps* is how many calls must follow before the request that this one is for is answered, *under_way* tells
        that one of them has been answered already: calls that wait are served, kept and refused by that.
        """

    @abstractmethod
    async def stream(
        self,
        method: bytes,
        target: bytes,
        headers: bytes,
        body: bytes | AsyncIterable[bytes] | None,
        *,
        deadline: float | None,
        answer_timeout: float | None = None,
        idle_timeout: float | None = None,
        decode: bool = False,
    ) -> StreamReply:
        """Return the reply once its head is there; its body is read from it, and it must be closed.

        *deadline* may be None. *answer_timeout* is the longest wait in seconds for a connection, and for the first
        byte of the reply, counted from the end of the request; *idle_timeout* is the longest silence after it, and
        the longest stall of the request. A *body* that is not bytes
        is sent as it comes, in chunks, or as it is when *headers* declare its ``content-length``. With
        *decode* a content coding is undone. Raises CallError, also while the body is read.
        """

    @abstractmethod
    def close_idle(self) -> None:
        """Close the connections that nobody uses."""

    @abstractmethod
    async def aclose(self) -> None:
        """Fail what still runs or waits, and give back every connection."""

    @property
    @abstractmethod
    def active(self) -> int:
        """The number of connections in use (of calls, where connections are not ours)."""

    @property
    @abstractmethod
    def idle(self) -> int:
        """The number of connections open and free."""

    @property
    @abstractmethod
    def waiting(self) -> int:
        """The number of calls that wait for a connection."""

    @property
    def dialled(self) -> tuple[int, float]:
        """The number of connections opened, and the seconds spent opening them; zeros where unknown."""
        return 0, 0.0


class OuterDoor(Door):
    """A door around the *inner* one, for what is done to each request on its way; the connections are the inner's."""

    __slots__ = ("inner",)

    def __init__(self, inner: Door) -> None:
        super().__init__(inner.settings)
        self.inner = inner

    def start(
        self, method: bytes, target: bytes, headers: bytes, body: bytes | None, **terms: Unpack[CallTerms]
    ) -> Cancelable:
        """See `Door.start`."""
        return self.inner.start(method, target, headers, body, **terms)

    async def stream(
        self, method: bytes, target: bytes, headers: bytes, body: bytes | AsyncIterable[bytes] | None,
        **terms: Unpack[StreamTerms],
    ) -> StreamReply:  # fmt: skip
        """See `Door.stream`."""
        return await self.inner.stream(method, target, headers, body, **terms)

    def close_idle(self) -> None:
        """See `Door.close_idle`."""
        self.inner.close_idle()

    async def aclose(self) -> None:
        """See `Door.aclose`."""
        await self.inner.aclose()

    @property
    def active(self) -> int:
        """See `Door.active`."""
        return self.inner.active

    @property
    def idle(self) -> int:
        """See `Door.idle`."""
        return self.inner.idle

    @property
    def waiting(self) -> int:
        """See `Door.waiting`."""
        return self.inner.waiting


class CallerDoor(OuterDoor):
    """A door that is another one for each caller."""

    __slots__ = ()

    @abstractmethod
    def bound(self, exchange: Exchange) -> Door:
        """Return the way for the caller of *exchange*; raises ``CallError`` for one who has none."""

    @abstractmethod
    def identity(self, exchange: Exchange) -> bytes:
        """Return what tells the caller of *exchange* from all others; raises as ``bound`` does."""
