"""Scripts by which operators look for durable effects, and change them: in steps that hold the server up briefly."""

from __future__ import annotations

from typing import Final

from aggregator.stores.redis.effects.pieces import BEGIN

FIELDS: Final = ("name", "endpoint", "upstream", "request_id", "order_key", "state", "created", "not_before", "ended",
                 "attempts", "size", "last")  # fmt: skip

_FIELDS: Final = b", ".join(b"'%b'" % name.encode() for name in FIELDS)

FIND: Final = (
    BEGIN
    + b"""
local wanted, states, after, most, step = unpack(given)
local found, bound = {}, false
local function add(id, seq) if seq > after then found[#found + 1] = {seq, id} end end
local function place_of(id) return tonumber(call('HGET', B .. 'r:' .. id, 'seq') or '-1') end
local function look(key)
  local ids = call('ZRANGEBYSCORE', B .. key, '(' .. after, '+inf', 'WITHSCORES', 'LIMIT', 0, step)
  for at = 1, #ids, 2 do add(ids[at], tonumber(ids[at + 1])) end
  local last = #ids == 2 * step and tonumber(ids[#ids])
  if last and (not bound or last < bound) then bound = last end
end
if wanted.id then add(wanted.id, place_of(wanted.id))
elseif wanted.request or wanted.key then
  local index = wanted.request and 'q:' .. wanted.request or 'k:' .. digest(wanted.key)
  local old = call('SPOP', B .. index, step)
  for _, id in ipairs(old) do
    local seq = place_of(id)
    if seq >= 0 then call('ZADD', B .. 'by:' .. index, seq, id) end
  end
  if #old > 0 then return {{}, string.format('%.0f', after)} end
  look('by:' .. index)
else
  for _, state in ipairs(states) do look('n:' .. state) end
end
table.sort(found, function(one, other) return one[1] < other[1] end)
local is_wanted = {}
for _, state in ipairs(states) do is_wanted[state] = true end
local told = {}
for _, pair in ipairs(found) do
  if bound and pair[1] > bound then break end
  local f = call('HMGET', B .. 'r:' .. pair[2], FIELDS)
  if is_wanted[f[6]] and (not wanted.name or f[1] == wanted.name) and (not wanted.request or f[4] == wanted.request)
     and (not wanted.key or f[5] == f[1] .. '\\n' .. wanted.key)
     and (not wanted.since or tonumber(f[9] or f[7]) >= now - wanted.since) then
    told[#told + 1] = {pair[1], pair[2], call('ZSCORE', due_of(f[3], f[2] .. '\\n' .. f[1]), pair[2]), f}
    if #told == most then bound = pair[1] break end
  end
end
return {told, bound and string.format('%.0f', bound)}
""".replace(b"FIELDS", _FIELDS)
)
"""Given what is wanted, in which states, behind which place, how many at most, and how many to look at for each state.

Returns those, each as its place, id, when it is due, and ``FIELDS``; and the place up to which was looked, nil where
there is no more.
"""

ACT: Final = (
    BEGIN
    + b"""
local what, ids, states = unpack(given)
local is_meant, done = {}, 0
for _, state in ipairs(states) do is_meant[state] = true end
local function again(e)
  call('HDEL', B .. 'r:' .. e.id, 'ended', 'holder')
  call('HSET', B .. 'r:' .. e.id, 'attempts', 0, 'not_before', text(now))
  e.not_before = now
  local first = e.order and get(first_of(e.order) or '')
  local is_behind = first and (is_leased(e.order) or tonumber(first.seq) < tonumber(e.seq))
  if first and not is_behind and first.id ~= e.id and was_due(first) then
    call('ZADD', B .. 'behind:' .. first.upstream, first.seq, first.id)
  end
  move(e, 'waiting', not is_behind and now)
end
for _, id in ipairs(ids) do
  local e = get(id)
  if e and is_meant[e.state] and (e.state ~= 'leased' or what == 'forget') then
    if what == 'discard' or what == 'forget' then drop(e) else again(e) end
    follow(e.order)
    done = done + 1
  end
end
return done
"""
)
"""Given what to do, to which ids, in which states; returns to how many that was done."""

FORGET: Final = (
    BEGIN
    + b"""
local key, step = unpack(given)
local known = call('SPOP', B .. 'dk:' .. digest(key), step)
local popped = call('ZPOPMIN', B .. 'of:' .. digest(key), step)
for at = 1, #popped, 2 do known[#known + 1] = popped[at] end
for _, one in ipairs(known) do call('DEL', one) end
return #known
"""
)
"""Given the key of a subject, whose dedupe keys are known no longer, and how many go at most; returns how many did."""
