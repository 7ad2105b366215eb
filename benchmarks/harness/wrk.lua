-- Turns over the paths in the file named by PATHS, if any, and prints what wrk saw as one line of JSON.
local paths = {}
local turn = 0

function init(_)
  local name = os.getenv('PATHS')
  if not name then return end
  for path in io.lines(name) do paths[#paths + 1] = wrk.format('GET', path) end
  function request()
    turn = turn % #paths + 1
    return paths[turn]
  end
end

function done(summary, latency, _)
  local errors = summary.errors
  io.write(string.format(
    'JSON {"requests":%d,"microseconds":%d,"bytes":%d,"status":%d,"connect":%d,"read":%d,"write":%d,"timeout":%d,'
      .. '"mean":%.1f,"p50":%d,"p75":%d,"p90":%d,"p99":%d,"max":%d}\n',
    summary.requests, summary.duration, summary.bytes,
    errors.status, errors.connect, errors.read, errors.write, errors.timeout,
    latency.mean, latency:percentile(50), latency:percentile(75), latency:percentile(90),
    latency:percentile(99), latency.max))
end
