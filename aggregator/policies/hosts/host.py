"""The state of one host of an upstream, shared by all callers.

    usable ── as many failures in a row as declared ──▶ ejected, for a pause
    ejected ── the pause is over ──▶ usable; one failure ejects it again, for twice as long
    usable ── its first health check fails, or later ones, as many in a row as declared ──▶ unhealthy
    unhealthy ── health checks succeed, as many in a row as declared ──▶ usable

It can be both ejected and unhealthy. Each ejection and each return begins an era: a call that ends in another era than
it began in tells nothing. Times are those of the event loop.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Final

from aggregator.policies.hosts.plan import HostPlan

STATES: Final = ("usable", "ejected", "unhealthy")
"""What a host can be, in one word."""
_LEAST = 0.1  # of its share, for a host that has just come


class Host:
    """A host of *plan*, which came *since* then (None: with the upstream); ``share`` is its weight of the moment."""

    __slots__ = (
        "back",
        "checks",
        "ejections",
        "era",
        "failures",
        "in_flight",
        "is_well",
        "level",
        "paused",
        "plan",
        "returns",
        "seed",
        "share",
        "since",
        "turn",
    )  # fmt: skip

    def __init__(self, plan: HostPlan, since: float | None = None) -> None:
        self.plan = plan
        self.since = since
        self.share: float = plan.weight
        self.seed = blake2b(plan.name.encode(), digest_size=32).digest()
        """What tells it from others where keys are hashed."""
        self.in_flight = 0
        self.turn = 0.0
        """What round robin owes it."""
        self.era = 0
        self.failures = 0
        self.returns: float | None = None
        """When its ejection ends, None while it is not ejected."""
        self.level = 0
        """How often its first call after an ejection has failed, in a row."""
        self.paused = 0.0
        """How long the last ejection was, its random part included."""
        self.back = 0.0
        self.ejections = 0
        self.is_well = True
        self.checks: int | None = None
        """Health checks in a row that say the contrary of what is believed; None before the first one."""

    @property
    def name(self) -> str:
        """Scheme, host and port."""
        return self.plan.name

    @property
    def is_usable(self) -> bool:
        """Whether the host is neither ejected nor unhealthy."""
        return self.returns is None and self.is_well

    @property
    def state(self) -> str:
        """The state of the host in one word."""
        return "ejected" if self.returns is not None else "usable" if self.is_well else "unhealthy"

    def eject(self, now: float, pause: float) -> None:
        """Eject the host from *now* on, for *pause* seconds."""
        self.era += 1
        self.ejections += 1
        self.returns = now + pause
        self.paused = pause

    def come_back(self, now: float, failures: int) -> None:
        """End the ejection; *failures* in a row are remembered."""
        self.era += 1
        self.returns = None
        self.back = self.since = now
        self.failures = failures

    def weigh(self, now: float, slow_start: float) -> bool:
        """Set the share of the host at the time *now*; return whether it is still growing."""
        weight = self.plan.weight
        age = slow_start if self.since is None else now - self.since
        is_young = age < slow_start
        self.share = weight * max(_LEAST, age / slow_start) if is_young else weight
        return is_young

    def as_dict(self, now: float) -> dict[str, object]:
        """Return what there is to know of it."""
        known: dict[str, object] = {
            "host": self.name, "state": self.state, "weight": self.plan.weight, "priority": self.plan.priority,
            "in_flight": self.in_flight, "failures": self.failures, "ejections": self.ejections,
        }  # fmt: skip
        if self.returns is not None:
            known["returns_in"] = round(max(0.0, self.returns - now), 3)
        return known
