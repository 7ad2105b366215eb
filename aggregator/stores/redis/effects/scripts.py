"""Scripts that lease durable effects, and keep what became of them: each is whole or not at all."""

from __future__ import annotations

from typing import Final

from aggregator.stores.redis.effects.pieces import BEGIN

TURN: Final = (
    BEGIN
    + b"""
local function give_back(holder, but)
  local is_known = {}
  for _, id in ipairs(but) do is_known[id] = true end
  for _, id in ipairs(call('SMEMBERS', B .. 'l:' .. holder)) do
    local e = not is_known[id] and get(id)
    if e then
      call('HINCRBY', B .. 'r:' .. id, 'attempts', -1)
      move(e, 'waiting', e.not_before)
    end
  end
end
local me, lease, ended, room, most, ages, looks, off, mine = unpack(given, 1, 9)
local was_there = tonumber(call('ZSCORE', B .. 'holders', me) or '0') > now
call('ZADD', B .. 'holders', text(now + lease), me)
for _, o in ipairs(ended) do
  local e = get(o[1])
  if e and e.state == 'leased' and e.holder == me then
    local has_ended = not LIVE[o[2]]
    if o[3] then call('HSET', B .. 'r:' .. e.id, 'last', ARGV[o[3]]) end
    if not o[5] then call('HINCRBY', B .. 'r:' .. e.id, 'attempts', -1) end
    move(e, o[2], has_ended and now or now + o[4])
    if has_ended then follow(e.order) end
  end
end
if mine then give_back(me, mine) end
local given_up, forgotten, taken = 0, 0, 0
if ages then
  for _, state in ipairs({'waiting', 'parked'}) do
    for _, e in ipairs(all(B .. 'n:' .. state, call('ZRANGE', B .. 'n:' .. state, 0, 199))) do
      if e.created >= now - ages[1] then break end
      call('HSET', B .. 'r:' .. e.id, 'last', ARGV[ages[4]])
      move(e, 'dead', now)
      follow(e.order)
      given_up = given_up + 1
    end
  end
  for at, state in ipairs({'sent', 'dead'}) do
    local gone = call('ZRANGEBYSCORE', B .. 't:' .. state, '-inf', '(' .. text(now - ages[1 + at]), 'LIMIT', 0, 500)
    for _, e in ipairs(all(B .. 't:' .. state, gone)) do drop(e) end
    forgotten = forgotten + #gone
  end
end
if looks and was_there then
  for _, holder in ipairs(call('ZRANGEBYSCORE', B .. 'holders', '-inf', text(now))) do
    taken = taken + take_back(holder, 500)
  end
end
local claimed, next_due = {}, false
local function lease_one(e)
  move(e, 'leased', me)
  call('HINCRBY', B .. 'r:' .. e.id, 'attempts', 1)
  local fields = call('HMGET', B .. 'r:' .. e.id, 'name', 'endpoint', 'upstream', 'request_id', 'request', 'created',
                      'not_before', 'order_key', 'attempts')
  claimed[#claimed + 1] = {e.id, fields}
end
local function least_tried(found)
  for at, e in ipairs(found) do e.at, e.tried = at, tonumber(call('HGET', B .. 'r:' .. e.id, 'attempts')) end
  table.sort(found, function(a, b) return a.tried < b.tried or (a.tried == b.tried and a.at < b.at) end)
  return found
end
local is_off = {}
local back, aside = off and 500 or 0, 500
off = off or {}
for _, what in ipairs(off) do is_off[what] = true end
for _, what in ipairs(call('SMEMBERS', B .. 'asides')) do
  local key = B .. 'aside:' .. what
  local ids = not is_off[what] and back > 0 and call('ZRANGE', key, 0, back - 1) or nil
  for _, e in ipairs(ids and all(key, ids) or {}) do
    call('ZREM', key, e.id)
    call('ZADD', B .. 'due:' .. e.upstream, text(e.not_before), e.id)
  end
  if ids and #ids < back then call('SREM', B .. 'asides', what) end
  back = back - (ids and #ids or 0)
end
local function is_set_aside(due, e)
  local what = #off > 0 and label(e)
  if not is_off[what] then return false end
  call('ZREM', due, e.id)
  call('ZADD', B .. 'aside:' .. what, e.seq, e.id)
  call('SADD', B .. 'asides', what)
  aside = aside - 1
  return true
end
for _, place in ipairs(room) do
  local upstream, free, is_newest = place[1], math.min(place[2], most - #claimed), place[3]
  local due, step, ids = B .. 'due:' .. upstream
  while free > 0 and aside > 0 do
    step = math.max(free, (is_newest or #off > 0) and 100 or 0)
    ids = is_newest and call('ZREVRANGEBYSCORE', due, text(now), '-inf', 'LIMIT', 0, step)
      or call('ZRANGEBYSCORE', due, '-inf', text(now), 'LIMIT', 0, step)
    for _, e in ipairs(is_newest and least_tried(all(due, ids)) or all(due, ids)) do
      if not is_set_aside(due, e) and free > 0 then
        lease_one(e)
        free = free - 1
      end
    end
    if #ids < step then break end
  end
  if free > 0 then
    local first = call('ZRANGE', due, 0, 0, 'WITHSCORES')[2]
    if first and (not next_due or tonumber(first) < next_due) then next_due = tonumber(first) end
  end
end
return {kept(), call('HKEYS', B .. 'up'), claimed, next_due and text(next_due - now), taken, given_up, forgotten,
        was_there and 1 or 0}
"""
)
"""Given who asks, for how many seconds it is there, what ended, room for each upstream and whether the newest go first
there, the most in all, ages, whether to look for processes that died, what is switched off, nil where that is not
known, and all that it has leased as far as it knows, nil where that is not compared.

What ended is an id, a state, the number of the argument with the last answer, the seconds until it is due, and whether
it counts; ages are seconds, with the number of the argument that is the last answer of what is given up. What a turn
leased whose reply never came waits again. Up to 500 of what is switched off are set aside, and of what is not any more
come back. One that was not there itself looks not: others may have been cut off with
it. Returns last whether it was.
"""

PARK: Final = (
    BEGIN
    + b"""
local me, lease, known, most = unpack(given)
call('ZADD', B .. 'holders', text(now + lease), me)
call('DEL', B .. 'knows:' .. me)
for _, name in ipairs(known) do call('SADD', B .. 'knows:' .. me, name) end
local holders = call('ZRANGEBYSCORE', B .. 'holders', text(now), '+inf')
local function is_known(name)
  for _, holder in ipairs(holders) do
    if call('SISMEMBER', B .. 'knows:' .. holder, name) == 1 then return true end
  end
  return false
end
local parked, left = 0, most
for _, name in ipairs(call('HKEYS', B .. 'up')) do
  if not is_known(name) then
    for _, kind in ipairs({'due:', 'behind:'}) do
      local ids = left > 0 and call('ZRANGE', B .. kind .. name, 0, left - 1) or {}
      for _, e in ipairs(all(B .. kind .. name, ids)) do
        move(e, 'parked')
        parked, left = parked + 1, left - 1
      end
    end
  elseif call('SISMEMBER', B .. 'knows:' .. me, name) == 1 then
    local ids = left > 0 and call('ZRANGE', B .. 'parked:' .. name, 0, left - 1) or {}
    for _, e in ipairs(all(B .. 'parked:' .. name, ids)) do
      move(e, 'waiting', not e.order and e.not_before)
      follow(e.order)
      left = left - 1
    end
  end
end
return {parked, left > 0 and 1 or 0}
"""
)
"""Given who asks, for how many seconds it is there, the upstreams that it knows, and how many effects may move; what
another process knows that is there is not parked. Returns how many were parked, and whether that is all.
"""

LEAVE: Final = (
    BEGIN
    + b"""
return take_back(given[1], 500)
"""
)
"""Given who leaves; returns how many of its leases were given back, 500 while there may be more."""

LOOK: Final = BEGIN + b"return {kept(), call('HKEYS', B .. 'up')}"
"""Returns how many there are, and the upstreams to which something waits."""
