"""Scripts of answers by key: a hash for each, which expires; its token grows by the clock of the server (fencing).

none ── CLAIM ──▶ claimed ── KEEP ──▶ kept ── its lifetime is over ──▶ none
                    └── RELEASE, or its lifetime is over ──▶ none
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
local clock = redis.call('TIME')
local token = string.format('%.0f', clock[1] * 1000000 + clock[2])
redis.call('HSET', KEYS[1], 'request', ARGV[1], 'token', token, 'subject', ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return token
"""
"""ARGV has the digest of a request, the milliseconds of a claim, and the digest of its subject, empty for none.

Returns a token, or what is there: a list.
"""

KEEP: Final = b"""
if redis.call('HGET', KEYS[1], 'token') ~= ARGV[1] or redis.call('HEXISTS', KEYS[1], 'value') == 1 then return 0 end
redis.call('HSET', KEYS[1], 'value', ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return redis.call('HGET', KEYS[1], 'subject')
"""
"""ARGV has a token, a value and its milliseconds. Returns the subject, 0 where the claim of the token is over."""

RELEASE: Final = b"""
if redis.call('HGET', KEYS[1], 'token') ~= ARGV[1] or redis.call('HEXISTS', KEYS[1], 'value') == 1 then return 0 end
return redis.call('DEL', KEYS[1])
"""

NOTE: Final = b"""
redis.call('SADD', KEYS[1], ARGV[1])
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[2]) then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return 1
"""
"""Notes that the key ARGV[1] is of the subject KEYS[1], for as long as it may be kept."""
