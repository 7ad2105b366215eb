"""A breaker for each host: a call goes to one whose breaker lets it, and fails at once when there is none."""

from __future__ import annotations

from msgspec import Struct

from aggregator.errors import CallError
from aggregator.policies.breaker.breaker import CLOSED, REFUSED, Breaker
from aggregator.policies.breaker.plan import OURS
from aggregator.policies.breaker.table import Breakers, refusal
from aggregator.policies.hosts.host import Host
from aggregator.policies.hosts.table import HostTable
from aggregator.transport import Reply, StreamReply


class Admitted(Struct, frozen=True):
    """A call to *host* in an *era* of its *breaker*, which *began* then (loop time)."""

    host: Host
    breaker: Breaker
    era: int
    began: float

    def ended(self, now: float, outcome: Reply | StreamReply | CallError) -> None:
        """Count the *outcome* of the call, which ended *now*."""
        plan = self.breaker.plan
        if isinstance(outcome, CallError) and outcome.cause in OURS:
            self.breaker.given_up(self.era, now)
            return
        failed = outcome.cause in plan.causes if isinstance(outcome, CallError) else outcome.status in plan.statuses
        self.breaker.ended(self.era, now, failed=failed, seconds=now - self.began)

    def given_up(self, now: float) -> None:
        """Record that the call was cancelled; after a cancelled probe the next call becomes the probe."""
        self.breaker.given_up(self.era, now)


class HostBreakers:
    """The *breakers* of the hosts of the upstream *label*."""

    def __init__(self, breakers: Breakers, label: str) -> None:
        self._breakers = breakers
        self._label = label

    def admit(self, table: HostTable, now: float, key: str | None, tried: tuple[Host, ...]) -> Admitted | None:
        """Return a call to a host of *table* whose breaker lets it, to none of those *tried* if there is another.

        None when there is no host. Raises CallError when all breakers are open.
        """
        refused: list[Host] = []
        while (host := table.choose(now, key, (*tried, *refused) if refused else tried)) is not None:
            if host in refused and not tried:
                raise self._refusal(refused, now)
            if host in refused:
                tried = ()  # another try at one of them is better than none
                continue
            breaker = self._breakers.of(host.plan.name, now)
            era = breaker.era if breaker.phase is CLOSED else breaker.enter(now)
            if era != REFUSED:
                return Admitted(host, breaker, era, now)
            refused.append(host)
        return None

    def _refusal(self, refused: list[Host], now: float) -> CallError:
        breakers = [self._breakers.of(host.name, now) for host in refused]
        return refusal(min(breakers, key=lambda breaker: breaker.wait(now)), self._label, now)
