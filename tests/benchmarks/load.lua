-- wrk script: `wrk … -s load.lua URL -- FILE NONCE once|loop`. FILE has one path in each line.
-- A line that begins with `!` is asked as it is. Every other gets a SPARQL comment at its end that no request had
-- before, so that no cache can help, unless NONCE is `-`. With `once` every line is asked once, then wrk idles.
local ffi = require("ffi")
ffi.cdef([[
typedef struct { long s; long ns; } bench_time;
int clock_gettime(int clock, bench_time *time);
]])
local paths, nonce, at = {}, "-", 0
count, began, ended = 0, 0, 0

local function now()
  local time = ffi.new("bench_time")
  ffi.C.clock_gettime(1, time)
  return tonumber(time.s) + tonumber(time.ns) / 1e9
end

local threads = {}
function setup(thread)
  table.insert(threads, thread)
end

function init(args)
  for line in io.lines(args[1]) do
    table.insert(paths, line)
  end
  nonce = args[2]
  if args[3] == "once" then
    response = function()
      count = count + 1
      ended = now()
      if count >= #paths then
        wrk.thread:stop()
      end
    end
  end
end

function request()
  if began == 0 then
    began = now()
  end
  at = at + 1
  local path = paths[(at - 1) % #paths + 1]
  if path:sub(1, 1) == "!" then
    path = path:sub(2)
  elseif nonce ~= "-" then
    path = path .. "%0A%23" .. nonce .. "-" .. at
  end
  return wrk.format("GET", path)
end

function done(summary, latency)
  local errors = summary.errors
  local bad = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  local requests, seconds = summary.requests, summary.duration / 1e6
  local thread = threads[1]
  if thread:get("count") > 0 then
    requests, seconds = thread:get("count"), thread:get("ended") - thread:get("began")
  end
  print(string.format('{"requests": %d, "seconds": %f, "errors": %d, "p50_ms": %f, "p95_ms": %f}',
    requests, seconds, bad, latency:percentile(50) / 1000, latency:percentile(95) / 1000))
end
