"""Asks of limits and values with tags as the scripts read them, and what their replies mean."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from hashlib import blake2b
from struct import Struct, unpack_from

from aggregator.stores.quota import Period
from aggregator.stores.rate import Rate, Taken
from aggregator.stores.redis.node import Command
from aggregator.stores.redis.scripts import TAKE
from aggregator.stores.shared.asks import Ask

_SIZE = Struct("<I")
_LATER = 60_000
"""Milliseconds for which counts of a quota are kept beyond their period: the clocks of machines differ."""


def named(prefix: bytes, kind: bytes, key: bytes) -> bytes:
    """Return the key under which a store keeps *key*; two kinds never share one."""
    return b"%b%b:%b" % (prefix, kind, key)


def count_key(prefix: bytes, ask: Ask, period: Period | None) -> bytes:
    """Return the key of what *ask* counts; a quota has one for each *period*. It names no caller: it is a hash."""
    digest = blake2b(b"%d:%b%b" % (len(ask.name), ask.name, ask.key), digest_size=16).hexdigest().encode()
    return named(prefix, b"r", digest) if period is None else b"%b:%d" % (named(prefix, b"q", digest), period.start)


def take_command(prefix: bytes, asks: Sequence[Ask], periods: Sequence[Period | None], now: float) -> Command:
    """Return the command that takes what *asks* ask for at the Unix time *now*; quotas have *periods*."""
    keys = [count_key(prefix, ask, period) for ask, period in zip(asks, periods, strict=True)]
    values: list[bytes | str | int | float] = []
    for ask, period in zip(asks, periods, strict=True):
        binds = b"1" if ask.binding else b"0"
        if isinstance(ask.limit, Rate):
            values += (b"r", ask.limit.burst, ask.limit.interval * 1e6, ask.cost, binds)
        else:
            assert period is not None
            values += (b"q", ask.limit.count, int((period.end - now) * 1000) + _LATER, ask.cost, binds)
    return (b"EVAL", TAKE, len(keys), *keys, *values)


def taken_of(reply: bytes, periods: Sequence[Period | None], now: float) -> list[Taken]:
    """Return what *reply* says of each ask, at the Unix time *now*; those of quotas have *periods*."""
    numbers = list(map(int, reply.split()))
    waits, lefts, resets = numbers[::3], numbers[1::3], numbers[2::3]
    return [_taken(*one, now) for one in zip(waits, lefts, resets, periods, strict=True)]


def _taken(wait: int, left: int, reset: int, period: Period | None, now: float) -> Taken:
    if period is None:
        return Taken(math.inf if wait < 0 else wait / 1e6, left, reset / 1e6)
    end = max(0.001, period.end - now)
    return Taken(math.inf if wait < 0 else wait * end, left, end)


def packed(value: bytes, tags: Collection[bytes]) -> bytes:
    """Return *value* behind its *tags*: their number, then each behind its length."""
    head = b"".join(_SIZE.pack(len(tag)) + tag for tag in tags)
    return _SIZE.pack(len(tags)) + head + value


def unpacked(kept: bytes) -> bytes:
    """Return the value that was ``packed``."""
    at = _SIZE.size
    for _ in range(_SIZE.unpack_from(kept)[0]):
        at += _SIZE.size + unpack_from("<I", kept, at)[0]
    return kept[at:]
