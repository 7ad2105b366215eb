"""What there is to say of the outbox: why it keeps nothing more, and what its turns have found."""

from __future__ import annotations

import logging

from aggregator.policies.durable.plan import DurablePlan
from aggregator.runtime.background.durable.intake import MOST_PENDING
from aggregator.runtime.background.tally import Tally
from aggregator.stores.effects.contract import EffectStore, Turned
from aggregator.stores.effects.records import SENT, EffectRecord, Outcome
from aggregator.telemetry.lately import log_change
from aggregator.telemetry.logging import log

_log = logging.getLogger("aggregator.effects")


def refusal(store: EffectStore, pending: int, plan: DurablePlan, number: int = 1) -> str | None:
    """Return why a *number* of effects could not be kept now, however small; None if they could. *pending* bytes wait.

    What was sent makes room: while any of it is kept, nobody knows how many bytes there are room for.
    """
    if store.trouble is not None:
        return "the disk cannot be written" if plan.store == "sqlite" else "the shared store is away"
    kept = store.kept
    live = kept.number - kept.counts[SENT]
    if live + number > plan.count or pending > MOST_PENDING:
        return "too many wait already"
    is_over = kept.size + number * store.overhead > plan.size and live == kept.number
    return "those that wait take too much room" if is_over else None


def tell_parked(number: int) -> None:
    """Log that a *number* of effects are parked."""
    if number:
        log(_log, logging.WARNING, "Durable effects are parked: the file does not know their upstream.", count=number)


def tell_dead(tally: Tally, record: EffectRecord, outcome: Outcome) -> None:
    """Log that *record* is dead after *outcome*, by the *tally* of background calls."""
    last = {key: value for key, value in (outcome.last or {}).items() if key != "body"}
    known = {"id": record.id, "attempts": record.attempts, **last}
    tally.tell(record.name, "A durable effect is dead: it is not sent again.", logging.ERROR, known)


def tell_slow(upstream: str, cause: str) -> None:
    """Log that *upstream* is tried slowly, since deliveries fail, the last one of *cause*."""
    sentence = "Durable effects wait: their upstream fails, and is tried slowly."
    log_change(_log, logging.WARNING, sentence, upstream=upstream, cause=cause)


def tell_arrived(upstream: str) -> None:
    """Log that *upstream*, which was tried slowly, takes what it is sent."""
    log_change(_log, logging.INFO, "Durable effects are delivered again.", upstream=upstream)


def tell_turned(turned: Turned) -> None:
    """Log what a turn has taken over, and given up."""
    if turned.taken:
        log(_log, logging.WARNING, "Durable effects of a process that died are taken over.", count=turned.taken)
    if turned.given_up:
        log(_log, logging.ERROR, "Durable effects are dead: they have waited too long.", count=turned.given_up)
