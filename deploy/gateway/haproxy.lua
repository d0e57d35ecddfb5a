-- /etc/haproxy/martlet.lua: asks Martlet about each request and sets the identity headers.
local names = { "subject", "user", "session", "client", "scope", "roles", "expires" }
-- What Martlet decides by, as the client sent it.
local asked = {
    "authorization", "cookie", "origin", "accept", "sec-fetch-site", "sec-fetch-mode", "sec-fetch-dest",
    "sec-purpose", "sec-websocket-key", "sec-websocket-protocol", "access-control-request-method",
}

core.register_action("martlet", { "http-req" }, function(txn)
    local sent = txn.http:req_get_headers()
    local headers = { host = { "martlet" }, ["x-forwarded-for"] = { txn.sf:src() } }
    for _, name in ipairs(asked) do
        if sent[name] then
            headers[name] = {}
            for index = 0, #sent[name] do headers[name][index + 1] = sent[name][index] end
        end
    end
    local scheme = txn.sf:ssl_fc() == "1" and "https://" or "http://"
    headers["x-original-method"] = { txn.sf:method() }
    headers["x-original-url"] = { scheme .. (sent.host and sent.host[0] or "") .. txn.sf:pathq() }
    -- The socket is that of "listen martlet-auth" in haproxy.cfg, which has the timeouts.
    local answer = core.httpclient():get{
        url = "http://martlet/auth?aud=api&scope=read&via=original&signin=field", dst = "abns@martlet-auth", headers = headers,
    }
    txn:set_var("txn.martlet", answer and answer.status or 0)
    if not answer or not answer.headers then return end
    local challenge, redirect = answer.headers["www-authenticate"], answer.headers["x-auth-redirect"]
    if challenge then txn:set_var("txn.challenge", challenge[0]) end
    if answer.status == 401 and redirect then txn:set_var("txn.redirect", redirect[0]) end
    if answer.status ~= 200 then return end
    for _, name in ipairs(names) do
        local value = answer.headers["x-auth-" .. name]
        if value and value[0] ~= "" then txn.http:req_set_header("x-auth-" .. name, value[0]) end
    end
end)
