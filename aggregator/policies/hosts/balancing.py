"""Load balancing: functions that choose a host among one or more, by the key of the call."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b
from math import log
from random import random
from types import MappingProxyType
from typing import Final

from aggregator.policies.hosts.host import Host

Hosts = Sequence[Host]
Draw = Callable[[], float]
Choose = Callable[[Hosts, str | None, Draw], Host]


def at_random(hosts: Hosts, _key: str | None = None, draw: Draw = random) -> Host:
    """Return one by its share."""
    return _drawn(hosts, draw() * sum([host.share for host in hosts]), None)


def least(hosts: Hosts, _key: str | None = None, draw: Draw = random) -> Host:
    """Return of two, drawn by their shares, the one with fewer calls in flight for its share.

    Of two at random the better is nearly as good as the best of all, and callers that do not know of each other do not
    run to the same host (Mitzenmacher, The Power of Two Choices in Randomized Load Balancing).
    """
    if len(hosts) == 2:  # as it mostly is, and both are drawn
        one, other = hosts
        if one.share == other.share:
            if one.in_flight == other.in_flight:
                return one if draw() < 0.5 else other
            return one if one.in_flight < other.in_flight else other
        mine, theirs = one.in_flight * other.share, other.in_flight * one.share
        if mine != theirs:
            return one if mine < theirs else other
        return one if draw() * (one.share + other.share) < one.share else other
    if len(hosts) == 1:
        return hosts[0]
    total = sum([host.share for host in hosts])
    one = _drawn(hosts, draw() * total, None)
    other = _drawn(hosts, draw() * (total - one.share), one)
    return other if other.in_flight * one.share < one.in_flight * other.share else one


def round_robin(hosts: Hosts, _key: str | None = None, _draw: Draw = random) -> Host:
    """Return the one whose turn it is: by their shares, and as evenly as can be (smooth weighted round robin)."""
    best, total = hosts[0], 0.0
    for host in hosts:
        total += host.share
        host.turn += host.share
        if host.turn > best.turn:
            best = host
    best.turn -= total
    return best


def by_key(hosts: Hosts, key: str | None = None, draw: Draw = random) -> Host:
    """Return the one of *key*, the same while the hosts are the same; one by its share when there is no key.

    A host that comes takes its share of the keys from each of the others, and one that goes leaves its own to them
    (weighted rendezvous hashing). A host that starts slowly has the keys of its full weight.
    """
    if key is None:
        return at_random(hosts, key, draw)
    data = key.encode("utf-8", "surrogateescape")
    return max(hosts, key=lambda host: _score(host, data))


def _score(host: Host, key: bytes) -> float:
    digest = blake2b(key, digest_size=8, key=host.seed).digest()
    return -host.plan.weight / log(((int.from_bytes(digest) >> 12) + 0.5) / 2**52)  # above 0, below 1


def _drawn(hosts: Hosts, at: float, without: Host | None) -> Host:
    """Return the host in whose share *at* lies, the shares laid one behind the other."""
    last = hosts[0]
    for host in hosts:
        if host is not without:
            last = host
            at -= host.share
            if at < 0:
                break
    return last


BY_NAME: Final[Mapping[str, Choose]] = MappingProxyType(
    {"least": least, "round_robin": round_robin, "random": at_random, "hash": by_key}
)
