"""What all scripts over durable effects begin with: their keys, and the one way in which an effect changes its state.

All keys lie in one slot, since what braces hold decides that. B is what they begin with:

    B r:ID           a hash, the effect; B seq, the place of the newest; B bytes, their bytes
    B n:STATE        ids by their place, for each state
    B due:LABEL      ids of those that wait, by when they are due, for an upstream, an endpoint and the name of its call
    B labels:UPSTREAM  endpoints and names of what may be due; B behind:UPSTREAM ids of those behind others of their
                     order, by place; B parked:UPSTREAM by place
    B l:HOLDER       ids that are leased to a process; B holders, processes by when they count as dead; B knows:HOLDER
    B t:STATE        ids of those that ended, by when
    B up             how many live effects there are to each upstream
    B o:DIGEST       ids of one order that have not ended, by place; B a:DIGEST the one of them that is leased
    B by:k:DIGEST    ids by the key of their order, by place; B by:q:ID by their request
    B p:HOLDER       a hash, what came of the scripts of a process that keep effects, until it has heard of that
    B d:DIGEST       a dedupe key, while it is known; B of:DIGEST those of one subject, by when they are known no longer

Version 1 had sets where version 2 has ``by:`` and ``of:``, which were read as a whole. What is left of them is moved
when it is asked for. Version 2 had ``due:UPSTREAM``, and ``aside:`` with ``asides`` for what is switched off, where
version 3 has a set for each label: turns move what is left of them.

Times are those of the server's clock, in seconds; numbers leave as text, since replies of scripts are cut to integers.
"""

from __future__ import annotations

from typing import Final

FORMAT: Final = 3
"""Grows with every form that earlier programs cannot read."""

BEGIN: Final = b"""
local B, call = KEYS[1], redis.call
local clock = call('TIME')
local now = clock[1] + clock[2] / 1000000
local given = ARGV[1] and cmsgpack.unpack(ARGV[1])
local STATES = {'waiting', 'leased', 'parked', 'sent', 'dead'}
local LIVE = {waiting = true, leased = true, parked = true}
local function text(number) return string.format('%.6f', number) end
local function digest(what) return redis.sha1hex(what) end
local function subject(key) return string.sub(key, (string.find(key, '\\n', 1, true) or 0) + 1) end
local function get(id)
  local f = call('HMGET', B .. 'r:' .. id, 'seq', 'upstream', 'state', 'order_key', 'not_before', 'holder', 'size',
                 'request_id', 'created', 'endpoint', 'name')
  if not f[1] then return nil end
  return {id = id, seq = f[1], upstream = f[2], state = f[3], order = f[4], not_before = tonumber(f[5]), holder = f[6],
          size = tonumber(f[7]), request_id = f[8], created = tonumber(f[9]),
          label = (f[10] or '') .. '\\n' .. (f[11] or '')}
end
local function count(upstream, step)
  if call('HINCRBY', B .. 'up', upstream, step) <= 0 then call('HDEL', B .. 'up', upstream) end
end
local function due_of(upstream, label) return B .. 'due:' .. upstream .. '\\n' .. label end
local function make_due(e, at)
  call('ZADD', due_of(e.upstream, e.label), text(at), e.id)
  call('SADD', B .. 'labels:' .. e.upstream, e.label)
end
local function was_due(e)
  return call('ZREM', due_of(e.upstream, e.label), e.id) == 1 or call('ZREM', B .. 'due:' .. e.upstream, e.id) == 1
end
local function leave(e)
  call('ZREM', B .. 'n:' .. e.state, e.id)
  if e.state == 'waiting' then
    if not was_due(e) and call('ZREM', B .. 'behind:' .. e.upstream, e.id) == 0 then
      call('ZREM', B .. 'aside:' .. e.label, e.id)
    end
  elseif e.state == 'parked' then call('ZREM', B .. 'parked:' .. e.upstream, e.id)
  elseif e.state == 'leased' then
    call('SREM', B .. 'l:' .. e.holder, e.id)
    if e.order then call('SREM', B .. 'a:' .. digest(e.order), e.id) end
  else call('ZREM', B .. 't:' .. e.state, e.id) end
  if LIVE[e.state] then
    count(e.upstream, -1)
    if e.order then call('ZREM', B .. 'o:' .. digest(e.order), e.id) end
  end
end
local function enter(e, state, at)
  e.state = state
  call('HSET', B .. 'r:' .. e.id, 'state', state)
  call('ZADD', B .. 'n:' .. state, e.seq, e.id)
  if state == 'waiting' and at then make_due(e, at)
  elseif state == 'waiting' then call('ZADD', B .. 'behind:' .. e.upstream, e.seq, e.id)
  elseif state == 'parked' then call('ZADD', B .. 'parked:' .. e.upstream, e.seq, e.id)
  elseif state == 'leased' then
    e.holder = at
    call('HSET', B .. 'r:' .. e.id, 'holder', at)
    call('SADD', B .. 'l:' .. at, e.id)
    if e.order then call('SADD', B .. 'a:' .. digest(e.order), e.id) end
  else
    call('HSET', B .. 'r:' .. e.id, 'ended', text(at))
    call('ZADD', B .. 't:' .. state, text(at), e.id)
  end
  if LIVE[state] then
    count(e.upstream, 1)
    if e.order then call('ZADD', B .. 'o:' .. digest(e.order), e.seq, e.id) end
  end
end
local function move(e, state, at) leave(e) enter(e, state, at) end
local function first_of(order) return call('ZRANGE', B .. 'o:' .. digest(order), 0, 0)[1] end
local function is_leased(order)
  return call('EXISTS', B .. 'a:' .. digest(order)) == 1
end
local function follow(order)
  local id = order and not is_leased(order) and first_of(order)
  local e = id and get(id)
  if e and e.state == 'waiting' and call('ZREM', B .. 'behind:' .. e.upstream, id) == 1 then
    make_due(e, math.max(e.not_before, now))
  end
end
local function indexes(e)
  local found = {'q:' .. e.request_id}
  if e.order then found[2] = 'k:' .. digest(subject(e.order)) end
  return found
end
local function drop(e)
  leave(e)
  call('DEL', B .. 'r:' .. e.id)
  call('DECRBY', B .. 'bytes', e.size)
  for _, index in ipairs(indexes(e)) do
    call('ZREM', B .. 'by:' .. index, e.id)
    call('SREM', B .. index, e.id)
  end
end
local function all(key, ids)
  local found = {}
  for _, id in ipairs(ids) do
    local e = get(id)
    if e then found[#found + 1] = e else
      call('ZREM', key, id)
      for _, state in ipairs(STATES) do call('ZREM', B .. 'n:' .. state, id) call('ZREM', B .. 't:' .. state, id) end
    end
  end
  return found
end
local function take_back(holder, most)
  local ids = call('SRANDMEMBER', B .. 'l:' .. holder, most)
  for _, id in ipairs(ids) do
    local e = get(id)
    if e then move(e, 'waiting', e.not_before) else call('SREM', B .. 'l:' .. holder, id) end
  end
  if #ids < most then
    call('ZREM', B .. 'holders', holder)
    call('DEL', B .. 'l:' .. holder, B .. 'knows:' .. holder)
  end
  return #ids
end
local function kept()
  local told = {call('GET', B .. 'seq') or '0', call('GET', B .. 'bytes') or '0'}
  for _, state in ipairs(STATES) do told[#told + 1] = tostring(call('ZCARD', B .. 'n:' .. state)) end
  return told
end
"""
"""``all`` returns effects by their ids, and takes out of a sorted set those that a server forgot for want of memory.

``given`` is what the script was given, packed; ``kept()`` is how many there are, and how many bytes.
"""
