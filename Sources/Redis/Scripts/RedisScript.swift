/// A Lua script. Each checks the epoch first, and does everything or nothing.
struct RedisScript: Sendable {
    enum Name: Int, CaseIterable, Sendable {
        case advance, record, data, begin, head, exchange, rights
    }

    let text: String

    static func script(_ name: Name) -> RedisScript {
        switch name {
        case .advance: RedisScript(text: "#!lua\n" + opening(keyCount: 9) + guarding + advance)
        case .record: RedisScript(text: "#!lua\n" + opening(keyCount: 3) + merging + record)
        case .data: RedisScript(text: "#!lua\n" + opening(keyCount: 9) + guarding + data)
        case .begin: RedisScript(text: "#!lua\n" + finding + begin)
        case .head: RedisScript(text: "#!lua flags=no-writes\n" + finding + head)
        case .exchange: RedisScript(text: "#!lua\n" + finding + exchange)
        case .rights: RedisScript(text: "#!lua flags=no-writes\n" + rights)
        }
    }

    /// Checks the epoch and reads the clock, which never goes back. KEYS: log, epoch, time, and others. ARGV[1]: the
    /// epoch.
    ///
    /// - Parameter keyCount: up to which of the keys all are read into `m`, from the second on.
    private static func opening(keyCount: Int) -> String {
        """
        local form = '<I4BBI2i8I4I4I8I8'
        local m = redis.call('MGET', unpack(KEYS, 2, \(keyCount)))
        local version, epoch = string.match(m[1] or '', '^(%d+) (%d+) ')
        local last, seq = string.match(m[2] or '', '^(%d+) (%d+)$')
        if version ~= '1' or epoch ~= ARGV[1] or not seq then return {0} end
        last, seq = tonumber(last), tonumber(seq)
        local clock = redis.call('TIME')
        local now = math.max(clock[1] * 1000 + math.floor(clock[2] / 1000), last)
        local function text(n) return string.format('%.0f', n) end
        local function log(record)
          seq = seq + 1
          redis.call('XADD', KEYS[1], epoch .. '-' .. text(seq), 'r', record, 't', text(now))
          redis.call('SET', KEYS[3], text(now) .. ' ' .. text(seq))
        end
        local function put(key, value, expires)
          if expires > 8e15 then redis.call('SET', key, value)
          else redis.call('SET', key, value, 'PXAT', text(math.max(1, expires + 86400000))) end
        end

        """
    }

    /// Whether a revoke-before time ends a session. ARGV[3]: its birth; ARGV[4], ARGV[5]: the halves of the high half of
    /// its id. KEYS[5]: its revocation, then the times of everything, the client and the subject, then its exemptions.
    private static let guarding = """
        local birth, high, low = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
        local function ends(cut, kind)
          local newest, h, l = 0, 0, 0
          for at = 1, #cut, 40 do
            local _, _, _, _, _, vl, vh, _, s = struct.unpack(form, cut, at)
            newest = math.max(newest, s)
            if vh > h or vh == h and vl > l then h, l = vh, vl end
          end
          if birth and birth >= newest or not birth and (high > h or high == h and low >= l) then return false end
          local kept = m[8] or ''
          if #kept % 40 ~= 0 then return true end
          for at = 1, #kept, 40 do
            local _, _, flags, _, _, vl, vh, _, s = struct.unpack(form, kept, at)
            if math.floor(flags / 16) == kind then
              if birth and s + 1 >= newest or not birth and (vh > h or vh == h and vl >= l) then return false end
            end
          end
          return true
        end
        if m[4] then return {3, 0} end
        for i, kind in ipairs({4, 2, 1}) do
          local cut = m[4 + i]
          if cut then
            if #cut % 40 ~= 0 then return {4, KEYS[5 + i]} end
            if ends(cut, kind) then return {3, kind} end
          end
        end

        """

    /// A rotation. ARGV: epoch, generation, birth, id, id, record, fixed part, end of the session, `1` if repeated.
    private static let advance = """
        local s, g, request, at = m[3], 0, 0, 0
        if s then
          if #s ~= 40 then return {4, KEYS[4]} end
          local _
          _, _, _, _, _, g, request, at = struct.unpack(form, s)
        end
        local wanted, own = tonumber(ARGV[2]), ARGV[7]
        local _, _, _, _, _, _, asked = struct.unpack(form, own .. string.rep('\\0', 16))
        if g ~= wanted and not (ARGV[9] == '1' and g == wanted + 1 and request == asked) then
          return {2, s and g or -1, request, at, now}
        end
        log(ARGV[6])
        put(KEYS[4], own .. struct.pack('<I8I8', now, seq), tonumber(ARGV[8]))
        return {1, seq, now}
        """

    /// Data of a session. KEYS[4]: the data. ARGV: epoch, expected revision, birth, id, id, `1` to write or `0` to remove,
    /// content, end of the session.
    private static let data = """
        local revision = 0
        if m[3] then
          if #m[3] < 8 then return {4, KEYS[4]} end
          revision = struct.unpack('<I8', m[3])
        end
        if revision ~= tonumber(ARGV[2]) then return {6, revision} end
        if ARGV[6] == '0' then
          redis.call('DEL', KEYS[4])
          return {5, 0}
        end
        put(KEYS[4], struct.pack('<I8', revision + 1) .. ARGV[7], tonumber(ARGV[8]))
        return {5, revision + 1}
        """

    /// What the user may not do: `acl_check_cmd` names it before anything is half done. KEYS[1]: any key. ARGV[1]: the
    /// command that waits for replicas, or nothing.
    private static let rights = """
        local missing = {}
        local key = KEYS[1]
        for _, c in ipairs({
          {'XADD', key, '*', 'r', 'x'}, {'SET', key, 'x'}, {'GET', key}, {'MGET', key}, {'DEL', key}, {'TIME'},
          {'EXISTS', key}, {'XINFO', 'STREAM', key}, {'HSET', key, 'x', 'x'}, {'HGETALL', key}, {'HDEL', key, 'x'},
          {'XRANGE', key, '-', '+'}, {'XTRIM', key, 'MAXLEN', '1'}, {'TYPE', key}, {'SCAN', '0'},
          {'XREAD', 'STREAMS', key, '0'}, unpack(ARGV[1] == '' and {} or {{ARGV[1], '1', '1', '1'}}),
        }) do
          if not redis.acl_check_cmd(unpack(c)) then missing[#missing + 1] = c[1] end
        end
        return missing
        """
}
