-- wrk -s bench/wrk.lua URL -- BODIES START
-- Posts the lines of the file BODIES one after the other, from line START + 1 on, and reports as one line of JSON.

local requests, position = {}, 0

function init(arguments)
    local headers = { ["Content-Type"] = "application/json" }
    for line in io.lines(arguments[1]) do
        requests[#requests + 1] = wrk.format("POST", nil, headers, line)
    end
    position = tonumber(arguments[2])
end

function request()
    position = position % #requests + 1
    return requests[position]
end

function done(summary, latency)
    local errors = summary.errors
    io.write(string.format(
        '{"requests": %d, "seconds": %f, "p50_ms": %f, "p99_ms": %f, "failures": %d}\n',
        summary.requests, summary.duration / 1e6,
        latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
        errors.status + errors.connect + errors.read + errors.write + errors.timeout
    ))
end
