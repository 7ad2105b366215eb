"""Hosts as data."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from aggregator.fields import duration_text
from aggregator.policies.values import Span, share_text
from aggregator.templates import Expression
from aggregator.transport import PoolSettings


class HostPlan(Struct, frozen=True):
    """One host: *name* is scheme, host and port, by which it is known; *header* is its ``Host``."""

    name: str
    pool: PoolSettings
    header: bytes
    weight: int = 1
    priority: int = 0


class EjectPlan(Struct, frozen=True):
    """After how many *failures* a host is left out, for how long, how many at once, and when all are called."""

    failures: int
    pause: Span
    at_most: float
    panic: float

    @property
    def words(self) -> str:
        """What `explain` says of it: ``eject after 5 failures, pause 10s..5m``."""
        plural = "" if self.failures == 1 else "s"
        return f"eject after {self.failures} failure{plural}, pause {self.pause}, at most {share_text(self.at_most)}"


class HealthPlan(Struct, frozen=True):
    """How hosts are asked whether they are well: *target* as it is sent, *every* so many seconds."""

    target: bytes
    every: float
    timeout: float
    unhealthy: int
    healthy: int

    @property
    def words(self) -> str:
        """What `explain` says of it: ``health /health every 5s``."""
        return f"health {self.target.decode()} every {duration_text(self.every)}"


class HostsPlan(Struct, frozen=True):
    """The hosts of an upstream, and how one is chosen; with *key*, by what it gives.

    *slow_start* is how many seconds a host that comes (back) takes to its full share.
    """

    hosts: tuple[HostPlan, ...]
    balance: Literal["least", "round_robin", "random", "hash"] = "least"
    key: Expression | None = None
    eject: EjectPlan | None = None
    health: HealthPlan | None = None
    slow_start: float = 0.0

    @property
    def words(self) -> str:
        """What `explain` says of it: ``least of 3 hosts, eject after 5 failures, pause 10s..5m``."""
        how = self.balance if self.key is None else f"hash {{{{ {self.key.source} }}}}"
        policies = [one.words for one in (self.eject, self.health) if one is not None]
        slow = [f"slow_start {duration_text(self.slow_start)}"] if self.slow_start else []
        return ", ".join([f"{how} of {len(self.hosts)} hosts", *policies, *slow])
