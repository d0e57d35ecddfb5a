-- Requests for wrk, made once where they repeat and read line by line where each may be sent only once.
-- wrk ... -- MODE FILE [FILE FILE], one token a line. wrk runs with one thread, so plain variables are enough.

local ffi = require("ffi")
local serving = nil
local first = nil

dry = 0 -- how many requests found no unused token left; read by done()

local function lines(path)
    local list = {}
    for line in io.lines(path) do list[#list + 1] = line end
    return list
end

local function get(token)
    return "GET /verify HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " .. token .. "\r\n\r\n"
end

local function post(path, kind, body)
    return "POST " .. path .. " HTTP/1.1\r\nHost: localhost\r\nContent-Type: " .. kind
        .. "\r\nContent-Length: " .. #body .. "\r\n\r\n" .. body
end

local form, json = "application/x-www-form-urlencoded", "application/json"

local function revoke(token) return post("/revoke", form, "token=" .. token) end
local function refresh(token) return post("/refresh", form, "refresh_token=" .. token) end

-- The same requests over and over, in turn.
local function cycle(list)
    local index, count = 0, #list
    return function()
        index = index + 1
        if index > count then index = 1 end
        return list[index]
    end
end

-- Each line once; afterwards only requests that do nothing, which done() reports.
local function once(path, make)
    local file = assert(io.open(path))
    local idle = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
    return function()
        local token = file:read("*l")
        if token then return make(token) end
        dry = dry + 1
        return idle
    end
end

local function each(list, make)
    local made = {}
    for index, token in ipairs(list) do made[index] = make(token) end
    return made
end

local modes = {}

function modes.verify(path) return cycle(each(lines(path), get)) end

function modes.body(path)
    return cycle(each(lines(path), function(token) return post("/verify", json, '{"token":"' .. token .. '"}') end))
end

-- A client asks for a token for itself; the file has `id:secret` in base64.
function modes.token(path)
    local body = "grant_type=client_credentials"
    return cycle(each(lines(path), function(credentials)
        return "POST /token HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic " .. credentials .. "\r\nContent-Type: "
            .. form .. "\r\nContent-Length: " .. #body .. "\r\n\r\n" .. body
    end))
end

function modes.revoke(path) return once(path, revoke) end

-- Chains of rotations: what an answer gives goes to the end of the queue. `following` reads it from the answer.
local function chains(path, send, following)
    local queue = lines(path)
    local head, tail = 1, #queue
    response = function(status, headers, body)
        local entry = following(headers, body)
        if entry then
            tail = tail + 1
            queue[tail] = entry
        end
    end
    return function()
        local entry = queue[head]
        if not entry then
            dry = dry + 1
            return "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
        end
        queue[head] = nil
        head = head + 1
        return send(entry)
    end
end

function modes.refresh(path)
    return chains(path, refresh, function(headers, body)
        return string.match(body, '"refresh_token" *: *"([^"]+)"')
    end)
end

-- A line of the file has the refresh cookie and the session cookie. The refresh cookie is the last that an answer sets;
-- the session cookie of the login stays valid, and the answer's session_id tells whose it is.
function modes.refresh_cookie(path)
    local sessions = {}
    for _, line in ipairs(lines(path)) do
        local session = string.match(line, " (.+)$")
        sessions[string.match(session, "%x+%-%x+%-%x+%-%x+%-%x+")] = session
    end
    return chains(path, function(entry)
        local token, session = string.match(entry, "^(%S+) (%S+)$")
        return "POST /refresh HTTP/1.1\r\nHost: localhost\r\nOrigin: https://app.example.org\r\nContent-Length: 0\r\n"
            .. "Cookie: __Secure-martlet-refresh=" .. token .. "; __Host-Http-martlet-session=" .. session .. "\r\n\r\n"
    end, function(headers, body)
        local token = string.match(headers["Set-Cookie"] or "", "^__Secure%-martlet%-refresh=([^;]+)")
        local session = sessions[string.match(body, '"session_id" *: *"([^"]+)"') or ""]
        return token and session and token .. " " .. session
    end)
end

-- The same requests for a server that keeps no state.
modes["revoke-again"] = function(path) return cycle(each(lines(path), revoke)) end
modes["refresh-again"] = function(path) return cycle(each(lines(path), refresh)) end

local function mix(verify, rotate, deny)
    local turn = 0
    return function()
        turn = (turn + 1) % 100
        if turn == 50 then return deny() end
        if turn % 25 == 0 then return rotate() end
        return verify()
    end
end

-- Of a hundred requests 95 verify, 4 refresh a session for the first time, and 1 revokes a token.
function modes.mixed(verified, refreshed, revoked)
    return mix(cycle(each(lines(verified), get)), once(refreshed, refresh), once(revoked, revoke))
end

modes["mixed-again"] = function(verified, refreshed, revoked)
    local function over(path, make) return cycle(each(lines(path), make)) end
    return mix(over(verified, get), over(refreshed, refresh), over(revoked, revoke))
end

function init(arguments)
    serving = modes[arguments[1]](unpack(arguments, 2))
    -- wrk asks once before it starts; that request must not use up a token.
    first = serving()
    request = function()
        request = function()
            if first then
                local kept = first
                first = nil
                return kept
            end
            return serving()
        end
        return first
    end
end

function request() return first end

local threads = {}

function setup(thread) threads[#threads + 1] = thread end

function done(summary, latency)
    local unused = 0
    for _, thread in ipairs(threads) do unused = unused + thread:get("dry") end
    local errors = summary.errors
    io.write(string.format(
        'RESULT {"requests":%d,"microseconds":%d,"p50":%d,"p99":%d,"refused":%d,"broken":%d,"dry":%d}\n',
        summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), errors.status,
        errors.connect + errors.read + errors.write + errors.timeout, unused))
end
