"""What a process has leased as far as it knows: a reply that never came may have told of more."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any, Final

import msgspec

from aggregator.stores.effects.contract import Turn
from aggregator.stores.effects.records import DEAD, EffectRecord, Outcome
from aggregator.stores.redis.effects.packing import record_of
from aggregator.telemetry.logging import log

_UNREADABLE: Final = {"reason": "What it sends cannot be read."}
_log = logging.getLogger("aggregator.effects")


class Leases:
    """The effects that turns have claimed, and of which no turn has kept yet what became of them."""

    def __init__(self) -> None:
        self._ids = set[str]()
        self._unreadable: list[Outcome] = []
        self._is_sure = True
        """Whether the last turn was heard of."""

    def ended(self, turn: Turn) -> tuple[Outcome, ...]:
        """Return what *turn* is to keep: what it says, and the end of what was claimed and could not be read."""
        return (*turn.ended, *self._unreadable)

    def ids(self, turn: Turn) -> list[str] | None:
        """Return the ids that *turn* compares with the store's; None where it does not *look*, and all was heard."""
        compares, self._is_sure = turn.looks or not self._is_sure, False
        return [*self._ids] if compares else None

    def take(self, ended: Iterable[Outcome], claimed: list[tuple[bytes, list[Any]]]) -> list[EffectRecord]:
        """Return what was *claimed* by a turn that has kept what *ended*; one that cannot be read ends by the next."""
        self._ids.difference_update(outcome.id for outcome in ended)
        self._ids.update(id_.decode() for id_, _ in claimed)
        self._unreadable, self._is_sure = [], True
        return [record for one in claimed if (record := self._read(*one)) is not None]

    def _read(self, id_: bytes, fields: list[Any]) -> EffectRecord | None:
        try:
            return record_of(id_, fields)
        except (msgspec.MsgspecError, ValueError, AttributeError, TypeError):  # a field may be missing
            log(_log, logging.ERROR, "A durable effect is dead: what it sends cannot be read.", id=id_.decode())
            self._unreadable.append(Outcome(id_.decode(), DEAD, _UNREADABLE))
            return None
