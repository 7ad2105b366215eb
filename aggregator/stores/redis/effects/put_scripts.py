"""Scripts that keep durable effects, and that tell afterwards whether they did: each is whole or not at all."""

from __future__ import annotations

from typing import Final

from aggregator.stores.redis.effects.pieces import BEGIN

DAY: Final = 86_400_000
"""Milliseconds for which it is known what became of a script that was not heard of."""

PUT: Final = (
    BEGIN
    + b"""
local most, most_bytes, groups, me, number, heard = unpack(given)
local of_me = B .. 'p:' .. me
if #heard > 0 then call('HDEL', of_me, unpack(heard)) end
if call('HEXISTS', of_me, number) == 1 then return {{}, kept()} end
local left = 500
local there, bytes = 0, tonumber(call('GET', B .. 'bytes') or '0')
for _, state in ipairs(STATES) do there = there + call('ZCARD', B .. 'n:' .. state) end
local function has_room(number, size)
  if there - call('ZCARD', B .. 'n:sent') + number > most or size > most_bytes then return 0 end
  local gone, freed, found = {}, 0, 1
  while there - #gone + number > most or bytes - freed + size > most_bytes do
    local oldest = call('ZRANGE', B .. 't:sent', #gone, #gone)
    if #oldest == 0 then return 0 end
    if #gone == left then found = 2 break end
    for _, e in ipairs(all(B .. 't:sent', oldest)) do
      gone[#gone + 1], freed = e, freed + e.size
    end
  end
  for _, e in ipairs(gone) do drop(e) end
  there, bytes, left = there - #gone, bytes - freed, left - #gone
  return found
end
local function is_first(key, lifetime)
  local known = B .. 'd:' .. digest(key)
  if not call('SET', known, '1', 'NX', 'PX', lifetime) then return false end
  local of_subject = B .. 'of:' .. digest(subject(key))
  call('ZREMRANGEBYSCORE', of_subject, '-inf', text(now))
  call('ZADD', of_subject, text(now + lifetime / 1000), known)
  if call('PTTL', of_subject) < lifetime then call('PEXPIRE', of_subject, lifetime) end
  return true
end
local at = 0
local function keep(r)
  local created = now + at / 1000000
  local e = {id = r[1], label = r[3] .. '\\n' .. r[2], request_id = r[5], upstream = r[4], order = r[7],
             seq = call('INCR', B .. 'seq'), not_before = created + r[8]}
  call('HSET', B .. 'r:' .. e.id, 'seq', e.seq, 'name', r[2], 'endpoint', r[3], 'upstream', e.upstream,
       'request_id', r[5], 'request', ARGV[1 + at], 'size', r[6], 'created', text(created),
       'not_before', text(e.not_before), 'attempts', 0)
  there, bytes = there + 1, bytes + r[6]
  call('INCRBY', B .. 'bytes', r[6])
  local is_behind = e.order and first_of(e.order)
  if e.order then call('HSET', B .. 'r:' .. e.id, 'order_key', e.order) end
  for _, index in ipairs(indexes(e)) do call('ZADD', B .. 'by:' .. index, e.seq, e.id) end
  enter(e, 'waiting', not is_behind and e.not_before)
end
local found = {}
for place, records in ipairs(groups) do
  local size = 0
  for _, r in ipairs(records) do size = size + r[6] end
  found[place] = found[place - 1] == 2 and 2 or has_room(#records, size)
  for _, r in ipairs(records) do
    at = at + 1
    if found[place] == 1 and (not r[9] or is_first(r[9], r[10])) then keep(r) end
  end
end
call('HSET', of_me, number, table.concat(found))
call('PEXPIRE', of_me, DAY)
return {found, kept()}
""".replace(b"DAY", b"%d" % DAY)
)
"""Given the most effects, the most bytes, and groups of records: id, name, endpoint, upstream, id of the request,
bytes, order, seconds until it is due, dedupe key, and for how many milliseconds; then who asks, the number of this
script, and the numbers of those whose replies were heard. What each record sends follows.

Returns for each group 1 where it is kept, 0 where there is no room, and 2 where there may be once more has gone that
was sent: one script takes away 500. It returns none where its asker gave it up meanwhile.
"""

SETTLE: Final = (
    BEGIN
    + b"""
local me, numbers = unpack(given)
local of_me, found = B .. 'p:' .. me, {}
for place, number in ipairs(numbers) do
  call('HSETNX', of_me, number, '')
  found[place] = call('HGET', of_me, number)
end
call('PEXPIRE', of_me, DAY)
return found
""".replace(b"DAY", b"%d" % DAY)
)
"""Given who asks, and numbers of scripts that were handed over and not heard of.

Returns for each what it has returned of its groups, as digits; nothing where it was not run, and never will be.
"""
