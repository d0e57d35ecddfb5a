extension RedisScript {
    /// Finds the head. If its keys are missing or behind, the log itself says how far it went. KEYS: log, epoch, time.
    static let finding = """
        local m = redis.call('MGET', KEYS[2], KEYS[3])
        local version, epoch, start, identity, history = string.match(m[1] or '', '^(%d+) (%d+) (%d+) (%S+) ?(%S*)$')
        local last, seq = string.match(m[2] or '', '^(%d+) (%d+)$')
        local clock = redis.call('TIME')
        local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
        if m[1] and not version then version = string.match(m[1], '^(%d+) ') or '0' end
        if not epoch or not seq then epoch, seq, start, identity, history = nil, nil, nil, nil, '' end
        if redis.call('EXISTS', KEYS[1]) == 1 then
          local info = redis.call('XINFO', 'STREAM', KEYS[1])
          for i = 1, #info, 2 do
            if info[i] == 'last-generated-id' then
              local e, s = string.match(info[i + 1], '^(%d+)-(%d+)$')
              if not epoch or tonumber(e) > tonumber(epoch) or e == epoch and tonumber(s) > tonumber(seq) then
                epoch, seq, start, identity, history = e, s, s, '?', ''
              end
            end
          end
        end
        local function text(n) return string.format('%.0f', n) end

        """

    static let head = """
        if not epoch then return {version or '1', text(now)} end
        return {version or '1', text(now), epoch, seq, last or text(now), identity, start, history}
        """

    /// Begins an epoch. ARGV: the expected head as `epoch seq` or nothing, the epoch, the number before its first record,
    /// that number, the identity.
    static let begin = """
        if version and version ~= '1' then return {7, version} end
        if (epoch and epoch .. ' ' .. seq or '') ~= ARGV[1] then return {0} end
        local time = text(math.max(now, tonumber(last or '0')))
        if identity and identity ~= '?' then
          history = (history ~= '' and history .. ',' or '') .. start .. '-' .. seq
          while #history > 1500 do history = string.match(history, '^[^,]*,(.*)$') end
        end
        redis.call('XADD', KEYS[1], ARGV[2] .. '-' .. ARGV[3], 'b', ARGV[5], 't', time)
        redis.call('SET', KEYS[2], '1 ' .. ARGV[2] .. ' ' .. ARGV[4] .. ' ' .. ARGV[5] .. ' ' .. history)
        redis.call('SET', KEYS[3], time .. ' ' .. ARGV[3])
        return {1, time}
        """

    /// Stores a report of a node and returns all. KEYS[4]: the reports. ARGV: name, instance, report, how long a report
    /// protects the name, how long it is shown.
    static let exchange = """
        local isTaken, list = 0, {}
        local all = redis.call('HGETALL', KEYS[4])
        for i = 1, #all, 2 do
          local time, instance = string.match(all[i + 1], '^(%d+) (%d+) ')
          local age = now - (tonumber(time) or 0)
          if all[i] == ARGV[1] and instance ~= ARGV[2] and age < tonumber(ARGV[4]) then isTaken = 1 end
          if age > tonumber(ARGV[5]) then
            redis.call('HDEL', KEYS[4], all[i])
          elseif all[i] ~= ARGV[1] or isTaken == 1 then
            list[#list + 1] = all[i]
            list[#list + 1] = all[i + 1]
          end
        end
        if isTaken == 0 then
          local own = text(now) .. ' ' .. ARGV[2] .. ' ' .. ARGV[3]
          redis.call('HSET', KEYS[4], ARGV[1], own)
          list[#list + 1] = ARGV[1]
          list[#list + 1] = own
        end
        local found = {version or '1', text(now)}
        if epoch then found = {version or '1', text(now), epoch, seq, last or text(now), identity, start, history} end
        return {isTaken, list, found}
        """
}
