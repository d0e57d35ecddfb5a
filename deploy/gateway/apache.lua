-- /etc/apache2/martlet.lua: asks Martlet about each request and sets the identity headers.
local http = require "socket.http"
http.TIMEOUT = 2

local martlet = "http://127.0.0.1:8080"
local names = { "Subject", "User", "Session", "Client", "Scope", "Roles", "Expires" }
-- What Martlet decides by, as the client sent it.
local asked = {
    "Authorization", "Cookie", "Origin", "Accept", "Sec-Fetch-Site", "Sec-Fetch-Mode", "Sec-Fetch-Dest",
    "Sec-Purpose", "Sec-WebSocket-Key", "Sec-WebSocket-Protocol", "Access-Control-Request-Method",
}

function check(r)
    if r.method == "CONNECT" then return 405 end
    -- X_Auth_User, X.Auth.User and others reach a CGI, WSGI or PHP application as X-Auth-User does.
    for name in pairs(r:headers_in_table()) do
        local lower = name:lower()
        if lower:find("[^a-z0-9-]") or lower:find("x-auth-", 1, true) == 1 then r.headers_in[name] = nil end
    end
    -- "Connection: X-Auth-User" would remove the header that Martlet sets.
    local connection = (r.headers_in["Connection"] or ""):lower()
    local kept = connection:find("upgrade", 1, true) and "Upgrade" or connection:find("close", 1, true) and "close"
    r.headers_in["Connection"] = kept or nil
    -- Where ProxyPassMatch sends the request.
    if r.filename:find("proxy:" .. martlet .. "/", 1, true) == 1 then return apache2.OK end

    local scheme = r.is_https and "https://" or "http://"
    local headers = {
        ["X-Forwarded-For"] = r.useragent_ip,
        ["X-Original-Method"] = r.method,
        ["X-Original-URL"] = scheme .. (r.headers_in["Host"] or "") .. r.unparsed_uri,
    }
    for _, name in ipairs(asked) do headers[name] = r.headers_in[name] end
    local _, status, answer = http.request{
        url = martlet .. "/auth?aud=api&scope=read&via=original&signin=field", headers = headers, redirect = false,
    }
    if status == 401 and answer["x-auth-redirect"] then
        -- Martlet returns an address for navigations only; fetch, images and WebSocket get its 401.
        r.err_headers_out["Location"] = answer["x-auth-redirect"]
        r.err_headers_out["Cache-Control"] = "no-store"
        return 302
    end
    if status == 401 or status == 403 then
        r.err_headers_out["WWW-Authenticate"] = answer["www-authenticate"]
        return status
    end
    if status ~= 200 then
        r.err_headers_out["Retry-After"] = "1"
        return 503
    end
    for _, name in ipairs(names) do
        local value = answer["x-auth-" .. name:lower()]
        if value and value ~= "" then r.headers_in["X-Auth-" .. name] = value end
    end
    return apache2.OK
end
