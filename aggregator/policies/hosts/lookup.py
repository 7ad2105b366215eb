"""From the name of an upstream to the addresses of its hosts, and how long they hold: by the system, DNS, SRV records.

DNS is asked by dnspython, an extra. The answer is a value; what cannot be found out raises `NotFoundError`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from math import inf
from typing import Any, Final

from msgspec import Struct

from aggregator.errors import AggregatorError
from aggregator.policies.hosts.plan import Address, ResolvePlan
from aggregator.transport.engine.opening.lookup import look_up

_SECONDS: Final = 5.0
"""How long a look-up may take."""
MOST: Final = 100
"""Hosts of a name; of more, those that come first by priority and address."""
_SHORTEST, _LONGEST = 1.0, 3600.0


class Found(Struct, frozen=True):
    """The *addresses* of a name, in an order that does not depend on the answer, which hold for *seconds*."""

    addresses: tuple[Address, ...]
    seconds: float


class NotFoundError(AggregatorError):
    """A name has no address, or nobody said which."""


Lookup = Callable[[ResolvePlan], Awaitable[Found]]


async def find(plan: ResolvePlan) -> Found:
    """Return the hosts of *plan*. Raises NotFoundError."""
    ask = {"system": _by_system, "dns": _by_dns, "srv": _by_srv}[plan.by]
    try:
        async with asyncio.timeout(_SECONDS):
            addresses, seconds = await ask(plan)
    except TimeoutError:
        raise NotFoundError("nobody answered in time") from None
    if not addresses:
        raise NotFoundError("the name has no address")
    return Found(tuple(sorted(set(addresses))[:MOST]), min(max(seconds, _SHORTEST), _LONGEST))


async def _by_system(plan: ResolvePlan) -> tuple[list[Address], float]:
    try:
        found = await look_up(plan.name, plan.port)
    except (OSError, UnicodeError) as error:
        raise NotFoundError(getattr(error, "strerror", None) or "the name cannot be resolved") from None
    return [Address(0, str(one[4][0]), plan.port) for one in found], plan.every


async def _by_dns(plan: ResolvePlan) -> tuple[list[Address], float]:
    addresses, seconds = await _addresses_of(_resolver(plan), plan.name)
    return [Address(0, ip, plan.port) for ip in addresses], seconds


async def _by_srv(plan: ResolvePlan) -> tuple[list[Address], float]:
    """Return the addresses of the targets of *plan* (RFC 2782), with port, weight and priority of their records."""
    resolver = _resolver(plan)
    records, seconds = await _records(resolver, plan.name, "SRV")
    found: list[Address] = []
    for record in records:
        target = record.target.to_text(omit_final_dot=True)
        if target == ".":  # there is no such service here
            continue
        try:
            addresses, holds = await _addresses_of(resolver, target)
        except NotFoundError:  # the other targets may be there
            continue
        seconds = min(seconds, holds)
        found += [Address(record.priority, ip, record.port, max(1, record.weight)) for ip in addresses]
    return found, seconds


async def _addresses_of(resolver: Any, name: str) -> tuple[list[str], float]:
    """Return the addresses of *name* of both kinds, and how long they hold. Raises NotFoundError when it has none."""
    kinds = ("A", "AAAA")
    outcomes = await asyncio.gather(*(_records(resolver, name, kind) for kind in kinds), return_exceptions=True)
    failures = [one for one in outcomes if isinstance(one, BaseException)]
    if len(failures) == len(kinds):
        raise failures[0]
    answers = [one for one in outcomes if not isinstance(one, BaseException)]
    return [record.address for records, _ in answers for record in records], min(ttl for _, ttl in answers)


async def _records(resolver: Any, name: str, kind: str) -> tuple[Iterable[Any], float]:
    from dns.exception import DNSException
    from dns.resolver import NoAnswer

    try:
        answer = await resolver.resolve(name, kind, search=True, lifetime=_SECONDS)
    except NoAnswer:
        return (), inf
    except (DNSException, OSError, ValueError) as error:
        raise NotFoundError(_reason(error)) from None
    return answer, float(answer.rrset.ttl)


def _reason(error: Exception) -> str:
    return {"NXDOMAIN": "the name does not exist", "NoNameservers": "no server answered"}.get(
        type(error).__name__, "the name cannot be resolved"
    )


def _resolver(plan: ResolvePlan) -> Any:
    """Return what asks the server of *plan*, or those of the system; raise NotFoundError when that names none."""
    from dns.asyncresolver import Resolver
    from dns.resolver import NoResolverConfiguration

    try:
        resolver = Resolver(configure=plan.server is None)
    except NoResolverConfiguration:
        raise NotFoundError("the system names no server to ask") from None
    if plan.server is not None:
        host, port = plan.server
        resolver.nameservers = [host]
        resolver.port = port
    resolver.lifetime = _SECONDS
    return resolver
