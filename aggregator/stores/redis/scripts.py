"""Scripts that run in the server: each is one operation, whole or not at all, by the clock of the server.

Numbers leave as text, since replies of scripts are cut to integers; times are microseconds. Scripts are sent with each
call (EVAL): a server that was started anew, or took over, knows none of those before.
"""

from __future__ import annotations

from typing import Final

TAKE: Final = b"""
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local asked, refused = {}, false
for i, key in ipairs(KEYS) do
  local at = 5 * i - 4
  local a = {rate = ARGV[at] == 'r', most = tonumber(ARGV[at + 1]), unit = tonumber(ARGV[at + 2]),
             cost = tonumber(ARGV[at + 3])}
  local kept = redis.call('GET', key)
  if a.rate then
    a.span, a.used = a.most * a.unit, 0
    if kept then
      local since, share = struct.unpack('<dd', kept)
      a.used = math.max(0, share * a.span - math.max(0, now - since))
      a.late = since > now
    end
    local over = a.used + a.cost * a.unit - a.span
    a.granted = over <= a.span * 1e-9
    a.wait = a.granted and 0 or (a.cost > a.most and -1 or math.max(1, math.ceil(over)))
  else
    a.used = tonumber(kept or '0')
    a.granted = a.used + a.cost <= a.most
    a.wait = a.granted and 0 or (a.cost > a.most and -1 or 1)
  end
  if ARGV[at + 4] == '1' and not a.granted then refused = true end
  asked[i] = a
end
local told = {}
for i, key in ipairs(KEYS) do
  local a = asked[i]
  local takes = a.granted and not refused
  local left, reset
  if a.rate then
    if takes then a.used = a.used + a.cost * a.unit end
    if takes or a.late then
      redis.call('SET', key, struct.pack('<dd', now, a.used / a.span), 'PX', math.ceil(a.used / 1000) + 1)
    end
    left = math.max(0, math.floor((a.span - a.used) / a.unit + 1e-9 * a.span / a.unit + 1e-9))
    reset = math.ceil(a.used)
  else
    if takes then
      a.used = redis.call('INCRBY', key, a.cost)
      redis.call('PEXPIRE', key, a.unit)
    end
    left, reset = math.max(0, a.most - a.used), 0
  end
  told[3 * i - 2] = string.format('%.0f', a.wait)
  told[3 * i - 1] = string.format('%.0f', left)
  told[3 * i] = string.format('%.0f', reset)
end
return table.concat(told, ' ')
"""
"""KEYS are those of counts; ARGV has five for each: kind, how many, unit, cost, whether it binds.

Of a rate (``r``) the unit is its interval, of a quota (``q``) the milliseconds for which it is kept.
Returns three numbers for each: the wait (-1: never; of a quota 1: to the end of the period), how many are left, and
the time to reset (of a rate).
"""

ADD: Final = b"""
if redis.call('EXISTS', KEYS[1]) == 1 then return redis.call('INCRBY', KEYS[1], ARGV[1]) end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return tonumber(ARGV[1])
"""

SEEN: Final = b"""
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', '(' .. now)
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return redis.call('ZCARD', KEYS[1])
"""
"""The members of KEYS[1] are processes, each with the time until which it counts; one lifetime is that of all."""

TAG: Final = b"""
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[2]) then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return 1
"""
"""The members of KEYS[1] are keys of values with a tag, each with the time at which it ends."""

UNTAG: Final = b"""
local found = redis.call('ZRANGE', KEYS[1], 0, -1)
redis.call('DEL', KEYS[1])
return found
"""

DROP: Final = b"""
local kept = redis.call('GET', KEYS[1])
if not kept then return 0 end
local at = 5
for _ = 1, struct.unpack('<I4', kept) do
  local size = struct.unpack('<I4', kept, at)
  if string.sub(kept, at + 4, at + 3 + size) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
  at = at + 4 + size
end
return 0
"""
"""Deletes the value KEYS[1] if it has the tag ARGV[1]: it may have been put anew without."""

LOCK: Final = b"""
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
local clock = redis.call('TIME')
local token = clock[1] * 1000000 + clock[2]
token = math.max(token, tonumber(redis.call('GET', KEYS[2]) or '0') + 1)
local text = string.format('%.0f', token)
redis.call('SET', KEYS[1], text, 'PX', ARGV[1])
redis.call('SET', KEYS[2], text, 'PX', 86400000)
return token
"""
"""KEYS[2] remembers the last token for a day, in case that the clock goes back."""

RENEW: Final = b"""
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
"""

UNLOCK: Final = b"""
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
"""

GIVE_BACK: Final = b"""
local kept = redis.call('GET', KEYS[1])
if not kept then return 0 end
local since, share = struct.unpack('<dd', kept)
share = math.max(0, share - tonumber(ARGV[1]))
redis.call('SET', KEYS[1], struct.pack('<dd', since, share), 'PX', math.ceil(share * ARGV[2] / 1000) + 1)
return 1
"""
"""Gives back a share (ARGV[1]) of the burst of a rate, which is full again after ARGV[2]."""

_LAST = b"""
local function last()
  local found = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
  if found then return tonumber(string.match(found[1], '^%d+')) end
  local clock = redis.call('TIME')
  local first = clock[1] * 1000000 + clock[2]
  redis.call('XADD', KEYS[1], string.format('%.0f-0', first), 'm', '')
  return first
end
"""
"""The number of the last entry of the stream KEYS[1]; an empty one gets its first, which is the time."""

ANNOUNCE: Final = (
    _LAST
    + b"""
local before = last()
local number = string.format('%.0f', before + 1)
redis.call('XADD', KEYS[1], 'MAXLEN', ARGV[3], number .. '-0', 'm', ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
redis.call('PUBLISH', ARGV[2], number .. ' ' .. string.format('%.0f', before) .. ' ' .. ARGV[1])
return 1
"""
)
"""Adds ARGV[1] to the stream KEYS[1], of which as many entries are kept as ARGV[3] says, and sends it to ARGV[2]."""

ANNOUNCED: Final = (
    _LAST
    + b"""
local number = last()
redis.call('PEXPIRE', KEYS[1], ARGV[2])
local told = {string.format('%.0f', number), 0}
if redis.call('XRANGE', KEYS[1], ARGV[1] .. '-0', ARGV[1] .. '-0')[1] then
  told[2] = 1
  local first = string.format('%.0f-0', tonumber(ARGV[1]) + 1)
  for i, entry in ipairs(redis.call('XRANGE', KEYS[1], first, '+')) do told[i + 2] = entry[2][2] end
end
return told
"""
)
"""Returns the number of the last entry, whether that of ARGV[1] is still there, and all that are behind it."""
