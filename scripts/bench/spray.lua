-- Guesses at passwords: a name and an address of their own each, and a pause between two on a connection.

local pause = 50

function init(arguments)
    pause = tonumber(arguments[1])
    math.randomseed(os.time())
end

function delay() return pause end

function request()
    local body = string.format('{"username":"name-%d","password":"a guess at it"}', math.random(50000))
    local source = string.format(
        "%d.%d.%d.%d", math.random(1, 223), math.random(0, 255), math.random(0, 255), math.random(1, 254))
    return wrk.format("POST", "/login", { ["Content-Type"] = "application/json", ["X-Forwarded-For"] = source }, body)
end

function done(summary, latency)
    io.write(string.format(
        'RESULT {"requests":%d,"microseconds":%d,"refused":%d}\n', summary.requests, summary.duration,
        summary.errors.status))
end
