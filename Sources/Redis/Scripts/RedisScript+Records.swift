extension RedisScript {
    /// How values are joined that several records made: units of 40 bytes, ``StoredRecord``.
    static let merging = """
        local function units(value)
          local list = {}
          if value and #value % 40 == 0 then
            for at = 1, #value, 40 do
              local _, _, flags, reason, expires, low, high, time, s = struct.unpack(form, value, at)
              list[#list + 1] = {
                raw = string.sub(value, at, at + 39), flags = flags, reason = reason, expires = expires,
                low = low, high = high, time = time, seq = s,
              }
            end
          end
          return list
        end
        local function unit(value)
          if #value == 24 then value = value .. struct.pack('<I8I8', now, seq + 1) end
          return units(value)[1]
        end
        local function same(a, b) return a.high == b.high and a.low == b.low end
        local function above(a, b) return a.high > b.high or a.high == b.high and a.low > b.low end
        local function alike(a, b) return math.floor(a.flags / 16) == math.floor(b.flags / 16) end
        local function revoke(key, record, new, told)
          local value, expires, known = new.raw, new.expires, false
          for _, old in ipairs(units(redis.call('GET', key))) do
            if old.flags ~= new.flags or old.reason ~= new.reason then
              value, expires = value .. old.raw, math.max(expires, old.expires)
            elseif old.expires >= new.expires then
              known = true
            end
          end
          if told and known then return false end
          log(record)
          if not known then put(key, value, expires) end
          return true
        end
        local function raise(key, record, new, exempts, told)
          local others, expires, list = '', new.expires, {}
          for _, old in ipairs(units(redis.call('GET', key))) do
            expires = math.max(expires, old.expires)
            if exempts and not alike(old, new) then
              others = others .. old.raw
            else
              local isSame = same(old, new)
              if told and isSame and (exempts and old.seq >= new.seq or not exempts and old.seq <= new.seq) then return end
              if told and not exempts and above(old, new) and old.seq >= new.seq then return end
              if isSame then
                local longer = old.expires > new.expires and old or new
                local placed = (old.seq < new.seq) ~= exempts and old or new
                new = units(string.sub(longer.raw, 1, 24) .. string.sub(placed.raw, 25))[1]
              else
                list[#list + 1] = old
              end
            end
          end
          local newest, top = new, new
          for _, old in ipairs(list) do
            if old.seq > newest.seq then newest = old end
            if above(old, top) then top = old end
          end
          log(record)
          put(key, newest.raw .. (top ~= newest and top.raw or '') .. others, expires)
        end

        """

    /// Records events. KEYS and ARGV from the second on: operations, ``RecordOperations``.
    static let record = """
        local first, k, a, forks = seq, 4, 2, 0
        while ARGV[a] do
          local op, record = ARGV[a], ARGV[a + 1]
          if op == 'L' then
            log(record)
            a = a + 2
          elseif op == 'R' or op == 'D' then
            local value = ARGV[a + 2]
            revoke(KEYS[k], record, unit(value), #value == 40)
            if op == 'D' then redis.call('DEL', KEYS[k + 1], KEYS[k + 2]) end
            k, a = k + (op == 'D' and 3 or 1), a + 3
          elseif op == 'C' or op == 'K' then
            local value = ARGV[a + 2]
            raise(KEYS[k], record, unit(value), op == 'K', #value == 40)
            k, a = k + 1, a + 3
          elseif op == 'E' then
            local placed = ARGV[a + 2]
            local isTold = placed ~= ''
            if not isTold or redis.call('EXISTS', KEYS[k], KEYS[k + 1]) == 0 then
              if not isTold then placed = struct.pack('<I8I8', now, seq + 1) end
              for at = 1, #record, 64 do log(string.sub(record, at, at + 63)) end
              put(KEYS[k], placed .. record, tonumber(ARGV[a + 3]))
            end
            k, a = k + 2, a + 4
          elseif op == 'S' then
            local value = ARGV[a + 2]
            local told, new = #value == 40, unit(value)
            local old = units(redis.call('GET', KEYS[k]))[1]
            local isEnded = redis.call('EXISTS', KEYS[k + 1]) == 1
            local isOther = old and old.low == new.low and (old.time ~= new.time or old.high ~= new.high)
            local isAgain = isOther and old.high == new.high and (ARGV[a + 3] == '1' or old.flags % 2 == 1)
            if not told then
              log(record)
              if not old or old.low <= new.low then put(KEYS[k], new.raw, new.expires) end
            elseif isEnded or old and old.low > new.low then
              -- The engine knows more.
            elseif isOther and not isAgain then
              revoke(KEYS[k + 1], ARGV[a + 4], unit(ARGV[a + 5]), false)
              redis.call('DEL', KEYS[k + 2], KEYS[k + 3])
              forks = forks + 1
            elseif not old or old.low < new.low then
              log(record)
              put(KEYS[k], new.raw, new.expires)
            end
            k, a = k + 4, a + 6
          else
            return redis.error_reply('ERR unknown operation')
          end
        end
        return {1, seq, seq > first and now or last, forks}
        """
}
