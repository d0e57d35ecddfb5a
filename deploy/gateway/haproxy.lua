-- /etc/haproxy/martlet.lua: asks Martlet about each request and sets the identity headers.
local names = { "subject", "user", "session", "client", "scope", "roles", "expires" }

core.register_action("martlet", { "http-req" }, function(txn)
    local headers = { host = { "martlet" } }
    local sent = txn.http:req_get_headers()["authorization"]
    if sent then
        headers.authorization = {}
        for index = 0, #sent do headers.authorization[index + 1] = sent[index] end
    end
    -- The socket is that of "listen martlet-auth" in haproxy.cfg, which has the timeouts.
    local answer = core.httpclient():get{
        url = "http://martlet/auth?aud=api&scope=read", dst = "abns@martlet-auth", headers = headers,
    }
    txn:set_var("txn.martlet", answer and answer.status or 0)
    local challenge = answer and answer.headers and answer.headers["www-authenticate"]
    if challenge then txn:set_var("txn.challenge", challenge[0]) end
    if not answer or answer.status ~= 200 then return end
    for _, name in ipairs(names) do
        local value = answer.headers["x-auth-" .. name]
        if value and value[0] ~= "" then txn.http:req_set_header("x-auth-" .. name, value[0]) end
    end
end)
