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
for _, what in ipairs(off) do is_off[what] = true end
local function bring_over(key, is_aside)
  local ids = call('ZRANGE', key, 0, 499, 'WITHSCORES')
  for at = 1, #ids, 2 do
    local e = all(key, {ids[at]})[1]
    call('ZREM', key, ids[at])
    if e and e.state == 'waiting' then make_due(e, is_aside and e.not_before or tonumber(ids[at + 1])) end
  end
  return #ids < 1000
end
for _, what in ipairs(call('SMEMBERS', B .. 'asides')) do
  if bring_over(B .. 'aside:' .. what, true) then call('SREM', B .. 'asides', what) end
end
local function due_now(upstream, most, is_newest)
  local found = {}
  for _, what in ipairs(call('SMEMBERS', B .. 'labels:' .. upstream)) do
    local due = due_of(upstream, what)
    if not is_off[what] then
      local ids = is_newest and call('ZREVRANGEBYSCORE', due, text(now), '-inf', 'WITHSCORES', 'LIMIT', 0, most)
        or call('ZRANGEBYSCORE', due, '-inf', text(now), 'WITHSCORES', 'LIMIT', 0, most)
      for at = 1, #ids, 2 do found[#found + 1] = {id = ids[at], at = tonumber(ids[at + 1]), due = due} end
      if #ids == 0 and call('EXISTS', due) == 0 then call('SREM', B .. 'labels:' .. upstream, what) end
    end
  end
  table.sort(found, function(a, b)
    if is_newest then a, b = b, a end
    return a.at < b.at or (a.at == b.at and a.id < b.id)
  end)
  local there = {}
  for at = 1, math.min(#found, most) do
    local e = all(found[at].due, {found[at].id})[1]
    if e and e.state == 'waiting' then there[#there + 1] = e elseif e then call('ZREM', found[at].due, e.id) end
  end
  return there
end
local function look_ahead(upstream)
  for _, what in ipairs(call('SMEMBERS', B .. 'labels:' .. upstream)) do
    local first = not is_off[what] and call('ZRANGE', due_of(upstream, what), 0, 0, 'WITHSCORES')[2]
    if first and (not next_due or tonumber(first) < next_due) then next_due = tonumber(first) end
  end
end
for _, place in ipairs(room) do
  local upstream, free, is_newest = place[1], math.min(place[2], most - #claimed), place[3]
  bring_over(B .. 'due:' .. upstream)
  local found = free > 0 and due_now(upstream, is_newest and 100 or free, is_newest) or {}
  for _, e in ipairs(is_newest and least_tried(found) or found) do
    if free == 0 then break end
    lease_one(e)
    free = free - 1
  end
  if free > 0 then look_ahead(upstream) end
end
return {kept(), call('HKEYS', B .. 'up'), claimed, next_due and text(next_due - now), taken, given_up, forgotten,
        was_there and 1 or 0}
"""
)
"""Given who asks, for how many seconds it is there, what ended, room for each upstream and whether the newest go first
there, the most in all, ages, whether to look for processes that died, what is switched off, and all that it has leased
as far as it knows, nil where that is not compared.

What ended is an id, a state, the number of the argument with the last answer, the seconds until it is due, and whether
it counts; ages are seconds, with the number of the argument that is the last answer of what is given up. What a turn
leased whose reply never came waits again. One that was not there itself looks not: others may have been cut off with
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
    local keys = {B .. 'due:' .. name, B .. 'behind:' .. name}
    for _, what in ipairs(call('SMEMBERS', B .. 'labels:' .. name)) do keys[#keys + 1] = due_of(name, what) end
    for _, key in ipairs(keys) do
      local ids = left > 0 and call('ZRANGE', key, 0, left - 1) or {}
      for _, e in ipairs(all(key, ids)) do
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
