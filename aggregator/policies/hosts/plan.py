"""Hosts as data."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from aggregator.policies.values import Span
from aggregator.templates import Expression
from aggregator.transport import PoolSettings


class HostPlan(Struct, frozen=True):
    """One host: *name* is its scheme, host and port; *header* is the ``Host`` field for it."""

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


class HealthPlan(Struct, frozen=True):
    """The health checks of hosts: *target* as it is sent, *every* so many seconds."""

    target: bytes
    every: float
    timeout: float
    unhealthy: int
    healthy: int


class Address(Struct, frozen=True, order=True):
    """The address of a host, as a lookup returned it."""

    priority: int
    ip: str
    port: int
    weight: int = 1


class ResolvePlan(Struct, frozen=True):
    """The lookup of the hosts of a *name*, all at *port* unless that is looked up, too.

    *every* is for how many seconds an answer of the system holds; *server* is an address and a port, None for those of
    this machine.
    """

    by: Literal["system", "dns", "srv"]
    name: str
    port: int
    every: float = 30.0
    server: tuple[str, int] | None = None


class HostsPlan(Struct, frozen=True):
    """The hosts of an upstream, and how one is chosen; with *key*, by what it gives.

    *slow_start* is how many seconds a host that comes (back) takes to its full share. With *resolve* there is one of
    them, the name, and those that are called are found by it.
    """

    hosts: tuple[HostPlan, ...]
    balance: Literal["least", "round_robin", "random", "hash"] = "least"
    key: Expression | None = None
    eject: EjectPlan | None = None
    health: HealthPlan | None = None
    slow_start: float = 0.0
    resolve: ResolvePlan | None = None

    @property
    def words(self) -> str:
        """The balancing as `explain` prints it: ``least of 3 hosts (eject, health)``."""
        how = self.balance if self.key is None else f"hash {{{{ {self.key.source} }}}}"
        also = [name for name in ("eject", "health", "slow_start") if getattr(self, name)]
        return f"{how} of {self._hosts_words}{_listed(also)}"

    @property
    def unwatched(self) -> HostsPlan:
        """The same hosts without lookups and health checks: a name is one host then."""
        return replace(self, resolve=None, health=None)

    @property
    def _hosts_words(self) -> str:
        if self.resolve is not None:
            return f"the hosts of {self.resolve.name} by {self.resolve.by}"
        return f"{len(self.hosts)} host{'' if len(self.hosts) == 1 else 's'}"

    def host_at(self, address: Address) -> HostPlan:
        """Return the host of the name that is at *address*."""
        name, ip = self.hosts[0], address.ip
        origin = replace(name.pool.origin, address=ip, port=address.port)
        shown = f"[{ip}]" if ":" in ip else ip
        return replace(
            name, name=f"{origin.scheme}://{shown}:{address.port}", pool=replace(name.pool, origin=origin),
            weight=address.weight, priority=address.priority,
        )  # fmt: skip


def _listed(names: list[str]) -> str:
    return f" ({', '.join(names)})" if names else ""
