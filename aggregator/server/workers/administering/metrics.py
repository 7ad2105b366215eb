"""The metrics of all workers as one scrape, and what those that ended have counted.

    coming     a worker tells piece by piece; of one that ends or begins again in the middle, the half is dropped
    known      the last whole text of a worker; one that does not answer is counted by it
    past       what those that ended had counted: counters, histograms and summaries; gauges end with their process

Texts are added up on the event loop, a piece a turn: in a thread, that would hold up the loop for a switch of the
interpreter (5 ms) each time it has something to do.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import Final

from aggregator.server.workers.administering.samples import COUNTED, Adding, Table, pieces_of, replace
from aggregator.server.workers.messages import Counted
from aggregator.server.workers.supervising.member import Member
from aggregator.telemetry.lately import log_change
from aggregator.telemetry.metrics import families

_log = logging.getLogger("aggregator.admin")
MOST: Final = 256 * 1024 * 1024
"""Bytes of the text of a worker; that of 20 000 endpoints of three parts."""
MOST_UNREAD: Final = 16
"""Texts of workers that ended, beyond which they are added up before the next scrape."""


class _Text:
    """The pieces of a text that answers the question of this *number*; one that takes more than ``MOST`` is lost."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.pieces: list[bytes] = []
        self._size = 0

    @property
    def is_lost(self) -> bool:
        """Whether it is too long."""
        return self._size > MOST

    def take(self, piece: bytes) -> None:
        """Add *piece*."""
        self._size += len(piece)
        if self.is_lost:
            self.pieces.clear()
        elif piece:
            self.pieces.append(piece)


class Totals:
    """The sums of the metrics of all workers, those that have ended included."""

    def __init__(self) -> None:
        self._coming: dict[Member, _Text] = {}
        self._known: dict[Member, _Text] = {}
        self._ended: deque[tuple[Adding, deque[bytes]]] = deque()
        """Texts of workers that ended, whose pieces are still to be added to the past."""
        self._past: Table = {}

    @property
    def unread(self) -> int:
        """How many texts of ended workers are still to be added up."""
        return len(self._ended)

    def hear(self, member: Member, counted: Counted) -> None:
        """Take a piece of the metrics of *member*, which are known when the last one is here."""
        text = self._coming.get(member)
        if text is None or text.number != counted.number:
            text = self._coming[member] = _Text(counted.number)
        text.take(counted.piece)
        if counted.is_last:
            self._learn(member, self._coming.pop(member))
        self._bury()
        if self.unread > MOST_UNREAD:  # as many pieces go as come
            self._add_ended()

    def _learn(self, member: Member, text: _Text) -> None:
        if text.is_lost:
            log_change(_log, logging.ERROR, "The metrics of a worker are too long to be added to those of the others.",
                       pid=member.pid, most=MOST)  # fmt: skip
        else:
            self._known[member] = text

    def knows(self, member: Member, number: int) -> bool:
        """Return whether *member* has told all that it was asked for by the question of this *number*."""
        return member in self._known and self._known[member].number == number

    async def pieces(self, reloads: tuple[int, int]) -> list[bytes]:
        """Return the text of a scrape, in pieces; *reloads* are how many were applied and refused by all together.

        Others have a turn of the loop between any two pieces that are read or written. One call at a time.
        """
        self._bury()
        while self._ended:
            self._add_ended()
            await asyncio.sleep(0)
        whole = {head: dict(samples) for head, samples in self._past.items()}
        for text in tuple(self._known.values()):
            adding = Adding(whole)
            for piece in text.pieces:
                adding.add(piece)
                await asyncio.sleep(0)
        replace(whole, families.RELOADS, dict(zip(("applied", "refused"), map(float, reloads), strict=True)))
        written = []
        for piece in pieces_of(whole):
            written.append(piece)
            await asyncio.sleep(0)
        return written

    def _bury(self) -> None:
        """Have the last whole texts of ended workers added to the past, and drop what they have begun."""
        for member in [one for one in self._known if one.is_over]:
            self._ended.append((Adding(self._past, COUNTED), deque(self._known.pop(member).pieces)))
        for member in [one for one in self._coming if one.is_over]:
            del self._coming[member]

    def _add_ended(self) -> None:
        """Add the next piece to the past."""
        adding, pieces = self._ended[0]
        if pieces:
            adding.add(pieces.popleft())
        else:
            self._ended.popleft()
