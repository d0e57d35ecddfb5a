-- /etc/apache2/martlet.lua: asks Martlet about each request and sets the identity headers.
local http = require "socket.http"
http.TIMEOUT = 2

local open = { ["/login"] = true, ["/refresh"] = true, ["/logout"] = true, ["/password"] = true }
local names = { "Subject", "User", "Session", "Client", "Scope", "Roles", "Expires" }

function check(r)
    -- X_Auth_User, X.Auth.User and others reach a CGI, WSGI or PHP application as X-Auth-User does.
    for name in pairs(r:headers_in_table()) do
        local lower = name:lower()
        if lower:find("[^a-z0-9-]") or lower:find("x-auth-", 1, true) == 1 then r.headers_in[name] = nil end
    end
    -- "Connection: X-Auth-User" would remove the header that Martlet sets.
    local connection = (r.headers_in["Connection"] or ""):lower()
    r.headers_in["Connection"] = connection:find("close", 1, true) and "close" or nil
    if open[r.uri] then return apache2.OK end

    local _, status, answer = http.request{
        url = "http://127.0.0.1:8080/auth?aud=api&scope=read",
        headers = { authorization = r.headers_in["Authorization"] },
        redirect = false,
    }
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
