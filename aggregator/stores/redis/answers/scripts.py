"""Scripts of answers by key: a hash for each, which expires, and a sorted set for each subject, of the keys of its own.

none ── CLAIM ──▶ claimed ── KEEP ──▶ kept ── its lifetime is over ──▶ none
                    └── RELEASE, FORGET, or its lifetime is over ──▶ none

Keys of a cluster lie on several nodes, so that each script has one key. A key is noted (NOTE) before it is claimed, and
before it is kept: what there is of a subject is always found, what is found may be gone, or another's by now.
"""

from __future__ import annotations

from typing import Final

CLAIM: Final = b"""
local kept = redis.call('HMGET', KEYS[1], 'request', 'value')
if kept[1] then
  local left = redis.call('PTTL', KEYS[1])
  if kept[2] then return {kept[1], left, kept[2]} end
  return {kept[1], left}
end
redis.call('HSET', KEYS[1], 'request', ARGV[1], 'token', ARGV[4], 'subject', ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1
"""
"""ARGV has the digest of a request, the milliseconds of a claim, the digest of its subject (or nothing), and a token.

Returns 1, or what is there: a list.
"""

KEEP: Final = b"""
if redis.call('HGET', KEYS[1], 'token') ~= ARGV[1] or redis.call('HEXISTS', KEYS[1], 'value') == 1 then return 0 end
redis.call('HSET', KEYS[1], 'value', ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
"""
"""ARGV has a token, a value and its milliseconds. Returns 0 where the claim of the token is over."""

RELEASE: Final = b"""
if redis.call('HGET', KEYS[1], 'token') ~= ARGV[1] or redis.call('HEXISTS', KEYS[1], 'value') == 1 then return 0 end
return redis.call('DEL', KEYS[1])
"""

FORGET: Final = b"""
if redis.call('HGET', KEYS[1], 'subject') ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
"""
"""ARGV has a subject. Returns how many went: none where the key is another's."""

NOTE: Final = b"""
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local ends = math.max(now + ARGV[2], (redis.call('ZSCORE', KEYS[1], ARGV[1]) or 0) + 1)
local over = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, 100)
if over[1] then redis.call('ZREM', KEYS[1], unpack(over)) end
redis.call('ZADD', KEYS[1], string.format('%.0f', ends), ARGV[1])
if redis.call('PTTL', KEYS[1]) < ends - now then redis.call('PEXPIRE', KEYS[1], string.format('%.0f', ends - now)) end
return 1
"""
"""Notes that the key ARGV[1] may be of the subject KEYS[1] for ARGV[2] milliseconds, and takes out what is over.

Its score, the Unix time in milliseconds at which it ends, grows each time: UNNOTE knows by it what was noted again.
"""

UNNOTE: Final = b"""
for at = 1, #ARGV, 2 do
  if tonumber(redis.call('ZSCORE', KEYS[1], ARGV[at]) or '') == tonumber(ARGV[at + 1]) then
    redis.call('ZREM', KEYS[1], ARGV[at])
  end
end
return 1
"""
"""Takes keys out of the subject KEYS[1] that were not noted again: ARGV has each with its score."""
