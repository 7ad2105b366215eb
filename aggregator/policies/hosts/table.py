"""The hosts of an upstream, with what all its callers know of them: who is usable now, and which one a call goes to.

Nothing runs here by itself: an ejection ends, and a share grows, when somebody asks for a host afterwards. So a clock
that jumps ends them early or late, and leaves nothing wrong behind.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence
from itertools import groupby
from math import inf
from operator import attrgetter
from random import random
from typing import Final

from aggregator.policies.hosts.balancing import BY_NAME
from aggregator.policies.hosts.host import STATES, Host
from aggregator.policies.hosts.plan import Address, HostPlan, HostsPlan, ResolvePlan
from aggregator.policies.registry import Kind
from aggregator.telemetry.lately import log_change

_log = logging.getLogger("aggregator.policies")
_STEPS = 20  # in which a share grows
_SHORTER = 0.2  # a pause is up to so much shorter, that gateways do not come back at the same time
_NONE: Final[Collection[Host]] = ()

Settings = tuple[str, HostsPlan]
"""The name of an upstream, and its hosts."""


class HostTable:
    """The hosts of the upstream that *settings* name; *draw* gives a random number below 1.

    ``hosts`` are by priority, then as declared; ``ejects`` tells whether what calls come to is counted. ``able`` are in
    use from ``since`` on, as long as it is not ``until``; ``balance`` chooses one of them. ``is_calm`` tells whether
    that is all there is to a call: there are some, no time and no failure changes them, and calls have no keys.
    """

    def __init__(self, settings: Settings, draw: Callable[[], float] = random) -> None:
        self.upstream, self.plan = settings
        self.draw = draw
        self.hosts: list[Host] = []
        self.ejections = 0
        self._addresses: tuple[Address, ...] = ()
        self._take(self._declared(), None)

    def adopt(self, settings: Settings) -> None:
        """Continue with other settings: hosts that stay keep their state, new ones start without any."""
        before, (self.upstream, self.plan) = self.plan, settings
        if self.plan.resolve != before.resolve:
            self._addresses = ()
        self._take(self._declared(), self.since)

    def follow(self, addresses: tuple[Address, ...], now: float) -> list[Host]:
        """Use the hosts at *addresses* from *now* on; return the hosts that are no longer used."""
        before = self.hosts
        self._addresses = addresses
        self._take(self._declared(), now if before else None)
        return [host for host in before if host not in self.hosts]

    def knows(self, resolve: ResolvePlan) -> bool:
        """Return whether hosts were found by *resolve*."""
        return self.plan.resolve == resolve and bool(self._addresses)

    def _declared(self) -> Sequence[HostPlan]:
        if self.plan.resolve is None:
            return self.plan.hosts
        return tuple(self.plan.host_at(address) for address in self._addresses)

    def _take(self, plans: Sequence[HostPlan], now: float | None) -> None:
        known = {host.name: host for host in self.hosts}
        self.hosts = []
        for plan in sorted(plans, key=attrgetter("priority")):
            host = known.get(plan.name) or Host(plan, now)
            host.plan = plan
            self._release(host)
            self.hosts.append(host)
        self.ejects = self.plan.eject is not None
        self.balance = BY_NAME[self.plan.balance]
        self.able: list[Host] = self.hosts
        self._look_again()
        self.since = -inf if now is None else now

    def _look_again(self) -> None:
        """Make the next call recompute the hosts in use."""
        self.until, self.is_calm = -inf, False

    def _release(self, host: Host) -> None:
        """Reset health or ejection of *host* when checks or ejections are no longer declared: nothing else would."""
        if self.plan.health is None:
            host.is_well, host.checks = True, None
        if self.plan.eject is None and host.returns is not None:
            host.come_back(self.since, 0)

    def choose(self, now: float, key: str | None = None, without: Collection[Host] = _NONE) -> Host | None:
        """Return the host of a call with *key* that begins *now*, none of *without* while there is another.

        None when there is no host at all.
        """
        if not self.since <= now < self.until:
            self.refresh(now)
        hosts = self.able
        if without:
            hosts = self._others(without) or hosts
        return self.balance(hosts, key, self.draw) if hosts else None

    def _others(self, without: Collection[Host]) -> list[Host]:
        """Return the hosts in use, or else the usable ones of the first other priority, that are not in *without*."""
        left = [host for host in self.able if host not in without]
        if left:
            return left
        usable = [host for host in self.hosts if host.is_usable and host not in without]
        return [host for host in usable if host.plan.priority == usable[0].plan.priority]

    def refresh(self, now: float) -> None:
        """Admit the hosts whose ejection has ended by *now*; compute which are in use, and until when that holds."""
        until = inf
        for host in self.hosts:
            if host.returns is not None and host.returns <= now:
                host.come_back(now, 0 if self.plan.eject is None else self.plan.eject.failures - 1)
                self._tell(host, "A host is called again.", logging.INFO)
            if host.returns is not None:
                until = min(until, host.returns)
            if host.weigh(now, self.plan.slow_start):
                until = min(until, now + self.plan.slow_start / _STEPS)
        self.able, self.until, self.since = self._in_use(), until, now
        self.is_calm = until == inf and not self.ejects and self.plan.key is None and bool(self.able)

    def _in_use(self) -> list[Host]:
        """Return the usable hosts of the first priority of which enough are; all of the one with the most otherwise."""
        eject = self.plan.eject
        best, most = self.hosts, -1.0
        for _, tier in groupby(self.hosts, key=lambda host: host.plan.priority):
            hosts = list(tier)
            usable = [host for host in hosts if host.is_usable]
            share = len(usable) / len(hosts)
            if usable and (eject is None or share >= eject.panic):
                return usable
            if share > most:
                best, most = hosts, share
        return best

    def ended(self, host: Host, era: int, now: float, *, failed: bool) -> None:
        """Count a call to *host* that began in *era*, and ended *now*."""
        plan = self.plan.eject
        if plan is None or era != host.era or host.returns is not None:
            return
        if not failed:
            host.failures = 0
            return
        host.failures += 1
        if host.failures >= plan.failures and self._may_eject(plan.at_most):
            self._eject(host, now)

    def _may_eject(self, at_most: float) -> bool:
        gone = sum(host.returns is not None for host in self.hosts)
        return gone + 1 <= at_most * len(self.hosts)

    def _eject(self, host: Host, now: float) -> None:
        plan = self.plan.eject
        assert plan is not None
        again = host.paused and now - host.back < host.paused
        host.level = host.level + 1 if again else 0
        pause = min(plan.pause.most, plan.pause.least * 2.0 ** min(host.level, 30))
        failures = host.failures
        host.eject(now, pause * (1 - _SHORTER * self.draw()))
        self.ejections += 1
        self._look_again()
        self._tell(host, "A host was ejected.", logging.WARNING, failures=failures, pause=round(host.paused, 3))

    def checked(self, host: Host, now: float, *, is_well: bool, reason: str | None = None) -> None:
        """Count a health check of *host* that ended *now*; the first one decides. *reason* is why it is not well."""
        plan, checks = self.plan.health, host.checks
        if plan is None or is_well == host.is_well:
            host.checks = 0
            return
        host.checks = 1 if checks is None else checks + 1
        if checks is None or host.checks >= (plan.healthy if is_well else plan.unhealthy):
            host.checks, host.is_well = 0, is_well
            host.since = now if is_well else host.since
            self._look_again()
            message = "A host is well again." if is_well else "A host is not well."
            why = {} if reason is None else {"reason": reason}
            self._tell(host, message, logging.INFO if is_well else logging.WARNING, **why)

    def _tell(self, host: Host, message: str, level: int, **fields: object) -> None:
        log_change(_log, level, message, upstream=self.upstream, host=host.name, **fields)

    def counts(self, now: float) -> dict[str, int]:
        """Return how many hosts are in each state."""
        self.refresh(now)
        counts = dict.fromkeys(STATES, 0)
        for host in self.hosts:
            counts[host.state] += 1
        return counts

    def as_list(self, now: float) -> list[dict[str, object]]:
        """Return what there is to know of each host."""
        self.refresh(now)
        return [host.as_dict(now) for host in self.hosts]


HOSTS: Final[Kind[Settings, HostTable]] = Kind("hosts", HostTable, HostTable.adopt)
