"""A channel on which processes tell each other what all have to hear: in order, and in spite of what is lost.

    new       no position is known: nothing was heard yet, or it was the store's that lost everything
    level     all up to a position was heard; a message whose predecessor is that position moves it on
    behind    a message came whose predecessor was not heard: the store is asked for what is between

`level` asks the store, when it has come and with each beat, so that what was lost on the way is heard within a beat.
What is not known there any more is told as lost. What this process has to say waits while the store is away, and leaves
together; beyond a bound the others are told that something was lost.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
from msgspec import Struct

from aggregator.errors import StoreError
from aggregator.stores.contract import Store
from aggregator.stores.shared.announced import LARGEST, Numbered

MOST_WAITING = 1000
"""Messages that wait until they can be told."""
MOST = LARGEST // 2
"""Bytes of one message; a longer one is told as one that was lost."""
Heard = Callable[[bytes], None]


class Subscriber(Struct, frozen=True):
    """A subscriber to messages of other processes on a channel; its methods do not raise.

    *heard* gets each message, *lost* is told when there were some that nobody knows any more.
    """

    heard: Heard
    lost: Callable[[], None]


class _Frame(Struct, array_like=True, frozen=True):
    """The messages that one process sends together; without *messages* some were lost."""

    process: bytes
    messages: tuple[bytes, ...] | None


_decoder = msgspec.msgpack.Decoder(_Frame)


class Channel:
    """The channel *name* as *process* has it; *behind* is called when the store has to be asked."""

    def __init__(self, name: bytes, process: bytes, subscriber: Subscriber, behind: Callable[[], None]) -> None:
        self.name = name
        self._process = process
        self._subscriber = subscriber
        self._behind = behind
        self._position = 0
        self._waiting: list[bytes] = []
        self._has_lost = False

    @property
    def has_more(self) -> bool:
        """Whether something waits to be told."""
        return bool(self._waiting) or self._has_lost

    def add(self, message: bytes) -> None:
        """Queue *message*."""
        if len(self._waiting) >= MOST_WAITING or len(message) > MOST:
            self._waiting.clear()
            self._has_lost = True
        elif not self._has_lost:
            self._waiting.append(message)

    async def tell(self, store: Store) -> None:
        """Send all queued messages. Raises ``StoreError``; the messages not sent stay queued."""
        while self.has_more:
            messages = None if self._has_lost else self._first()
            self._waiting, self._has_lost = self._waiting[len(messages or ()) :], False
            try:
                await store.announce(self.name, msgspec.msgpack.encode(_Frame(self._process, messages)))
            except StoreError:
                self._has_lost = self._has_lost or messages is None
                self._waiting = [*(messages or ()), *self._waiting]
                raise

    def _first(self) -> tuple[bytes, ...]:
        """Return as many of the messages that wait as one may be large."""
        size = 0
        for count, message in enumerate(self._waiting):
            size += len(message) + 5
            if size > LARGEST - 100:
                return tuple(self._waiting[:count])
        return tuple(self._waiting)

    async def listen(self, store: Store) -> None:
        """Listen to what is told from now on; raise ``StoreError`` when that begins later."""
        await store.listen(self.name, self.hear)

    async def level(self, store: Store) -> None:
        """Read the messages that were missed. Raises ``StoreError``."""
        told = await store.announced(self.name, self._position)
        if told.messages is None:
            self._position = told.last
            self._subscriber.lost()
            return
        self._take(told.last - len(told.messages), told.messages)

    def hear(self, frame: bytes) -> None:
        """Handle one frame; ignore one handled before, and ask for those missed before one that comes too early."""
        try:
            number, before, message = Numbered.unpacked(frame)
        except ValueError:
            return
        if number <= self._position or not self._position:
            return
        if before > self._position:
            self._behind()
            return
        self._take(before, [message])

    def _take(self, before: int, messages: Sequence[bytes]) -> None:
        """Handle *messages*, but for those up to the position, which were handled meanwhile."""
        for number, message in enumerate(messages, before + 1):
            if number > self._position:
                self._position = number
                self._read(message)

    def _read(self, message: bytes) -> None:
        try:
            frame = _decoder.decode(message)
        except msgspec.MsgspecError:
            self._subscriber.lost()  # what a later version tells
            return
        if frame.process == self._process:
            return
        if frame.messages is None:
            self._subscriber.lost()
            return
        for one in frame.messages:
            self._subscriber.heard(one)
