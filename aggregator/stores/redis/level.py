"""The level of a cache in Redis: keys in one slot, which is that of the space.

The log of a space is a sorted set: purged tags by the numbers of their purges (``t`` before the tag), the last number
(``l``), and the one behind which the log knows all (``f``): what began before that counts as purged. It is one key, so
that a server which forgets keys for want of memory forgets all of it, and then nothing that began before is given out.
Numbers are times, or one more than the last, so that none comes twice when a log is made anew.

A value is a hash: the number at which it began, its tags of 16 bytes, its lifetime in milliseconds, and what it is. A
lease is the token of its holder, which expires; ``-`` is that of nobody, for a pause.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from hashlib import blake2b
from typing import Any, Final

from aggregator.stores.level.contract import LARGEST, LONGEST, MOST_TAGS, NO_LEASE, Lease, Looked

_LOG: Final = b"""
local text = function(number) return string.format('%.0f', number) end
local function begun(longest)
  local last = redis.call('ZSCORE', KEYS[1], 'l')
  if last then return tonumber(last) end
  local clock = redis.call('TIME')
  local first = clock[1] * 1000000 + clock[2]
  redis.call('ZADD', KEYS[1], text(first), 'l', text(first), 'f')
  redis.call('PEXPIRE', KEYS[1], longest)
  return first
end
local function is_purged(since, tags, last)
  if since < tonumber(redis.call('ZSCORE', KEYS[1], 'f') or '0') then return true end
  if since == last then return false end
  for at = 1, #tags, 16 do
    local purged = redis.call('ZSCORE', KEYS[1], 't' .. string.sub(tags, at, at + 15))
    if purged and tonumber(purged) > since then return true end
  end
  return false
end
"""

LOOK: Final = (
    _LOG
    + b"""
local last = begun(ARGV[1])
local kept = redis.call('HMGET', KEYS[2], 'number', 'tags', 'lifetime', 'value')
if kept[4] and is_purged(tonumber(kept[1]), kept[2], last) then
  redis.call('DEL', KEYS[2])
  kept = {}
end
local holder = ''
if KEYS[3] then
  if ARGV[3] ~= '0' and (not kept[4] or ARGV[4] == '1') then
    redis.pcall('SET', KEYS[3], ARGV[2], 'NX', 'PX', ARGV[3])
  end
  holder = redis.call('GET', KEYS[3]) or ''
  if holder == '-' then holder = '' end
end
if not kept[4] then return {text(last), holder} end
return {text(last), holder, kept[4], tonumber(kept[3]) - redis.call('PTTL', KEYS[2])}
"""
)
"""With KEYS[3] a lease is asked for: ARGV has its token, its milliseconds, and whether it is taken anyway.

Returns the number of the last purge, and who holds the lease; with a value that, and its age in milliseconds.
"""

KEEP: Final = (
    _LOG
    + b"""
if KEYS[3] and redis.call('GET', KEYS[3]) == ARGV[6] then redis.call('DEL', KEYS[3]) end
local last, number = begun(ARGV[1]), tonumber(ARGV[2])
if number > last or is_purged(number, ARGV[3], last) then return 0 end
local known = redis.call('HGET', KEYS[2], 'number')
if known and tonumber(known) > number then return 0 end
redis.call('HSET', KEYS[2], 'number', ARGV[2], 'tags', ARGV[3], 'lifetime', ARGV[4], 'value', ARGV[5])
redis.call('PEXPIRE', KEYS[2], ARGV[4])
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return 1
"""
)
"""A number that is not there yet is that of a server which has lost some of its purges."""

PURGE: Final = (
    _LOG
    + b"""
local clock = redis.call('TIME')
local number = text(math.max(begun(ARGV[1]) + 1, clock[1] * 1000000 + clock[2]))
if #ARGV == 2 then
  redis.call('DEL', KEYS[1])
  redis.call('ZADD', KEYS[1], number, 'f')
end
for at = 3, #ARGV do redis.call('ZADD', KEYS[1], number, 't' .. ARGV[at]) end
redis.call('ZADD', KEYS[1], number, 'l')
if redis.call('ZCARD', KEYS[1]) > tonumber(ARGV[2]) then
  local most = math.floor(ARGV[2] / 10)
  local cut = redis.call('ZRANGE', KEYS[1], most, most, 'WITHSCORES')[2]
  redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', cut)
  redis.call('ZADD', KEYS[1], cut, 'f', number, 'l')
end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return 1
"""
)
"""ARGV has the milliseconds for which the log is kept, how many tags it may have, and tags; none of them is all."""

END_LEASE: Final = b"""
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if ARGV[2] == '0' then return redis.call('DEL', KEYS[1]) end
redis.call('SET', KEYS[1], '-', 'PX', ARGV[2])
return 1
"""

Run = Callable[..., Awaitable[Any]]
_LONGEST_MS: Final = int(LONGEST * 1000)


class RedisLevel:
    """The level of keys that begin with *prefix*; *run* runs a script for keys with values."""

    def __init__(self, prefix: bytes, run: Run) -> None:
        self._prefix = prefix
        self._run = run

    async def look(self, space: bytes, key: bytes, lease: Lease = NO_LEASE) -> Looked:
        """Return what there is of *key*, and who holds its lease when *lease* is asked for."""
        keys = self._keys(space, key, lease.token)
        number, holder, *found = await self._run(
            LOOK, keys, _LONGEST_MS, lease.token, _ms(lease.life), int(lease.anyway)
        )
        if not found:
            return Looked(int(number), holder=holder)
        return Looked(int(number), found[0], max(0, int(found[1])) / 1000, holder)

    async def keep(
        self, space: bytes, key: bytes, value: bytes, tags: Sequence[bytes], lifetime: float, number: int,
        token: bytes = b"",
    ) -> bool:  # fmt: skip
        """Keep *value*, unless one of *tags* was purged behind *number*; return whether it is kept.

        The lease of *token* ends.
        """
        keys = self._keys(space, key, token)
        if lifetime <= 0:
            await self._run(b"return redis.call('DEL', KEYS[1])", keys[1:2])
            await self.end_lease(space, key, token, 0.0)
            return False
        if len(value) > LARGEST:
            return False
        milliseconds = max(1, round(min(LONGEST, lifetime) * 1000))
        given = (_LONGEST_MS, number, b"".join(tags), milliseconds, value, token)
        return bool(await self._run(KEEP, keys, *given))

    async def end_lease(self, space: bytes, key: bytes, token: bytes, pause: float) -> None:
        """End the lease of *token*; for *pause* seconds no other one of *key* is granted."""
        if token:
            await self._run(END_LEASE, self._keys(space, key, token)[2:], token, _ms(pause))

    async def purge(self, space: bytes, tags: Collection[bytes]) -> None:
        """Forget what has one of *tags* in *space*, everything there when there are none."""
        await self._run(PURGE, self._keys(space, b"")[:1], _LONGEST_MS, MOST_TAGS, *tags)

    def _keys(self, space: bytes, key: bytes, token: bytes = b"") -> list[bytes]:
        """Return the keys of the log, of a value, and of its lease if there is a *token*: braces hold the slot."""
        place = b"%bk:{%b}:" % (self._prefix, blake2b(space, digest_size=12).hexdigest().encode())
        keys = [place + b"log", place + b"v:" + key.hex().encode()]
        return [*keys, place + b"h:" + key.hex().encode()] if token else keys


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
