-- The same GET over and over, as many in a row as the first argument says; the others are field lines.

local wrong = 0

function init(arguments)
    local depth = tonumber(arguments[1])
    local lines = { "GET " .. wrk.path .. " HTTP/1.1", "Host: localhost" }
    for index = 2, #arguments do lines[#lines + 1] = arguments[index] end
    local one = table.concat(lines, "\r\n") .. "\r\n\r\n"
    batch = string.rep(one, depth)
end

function request() return batch end

function done(summary, latency)
    local errors = summary.errors
    wrong = errors.status + errors.connect + errors.read + errors.write + errors.timeout
    io.write(string.format(
        'RESULT {"requests":%d,"microseconds":%d,"wrong":%d}\n', summary.requests, summary.duration, wrong))
end
