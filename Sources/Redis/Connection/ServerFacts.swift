internal import Store

/// What a server says about itself: version, identity, and settings on which durability depends.
struct ServerFacts: Equatable {
    /// Names the process, in hexadecimal; another one after each restart.
    let runID: String
    /// Such as `Redis 7.0.15`.
    let version: String

    /// - Parameter info: the section `server` of INFO.
    init(info: RedisReply?) throws(StoreFault) {
        guard let text = info?.text else { throw .malformed(reason: "INFO has another form") }
        var fields: [Substring: Substring] = [:]
        for line in text.split(whereSeparator: \.isNewline) {
            guard let colon = line.firstIndex(of: ":") else { continue }
            fields[line[..<colon]] = line[line.index(after: colon)...]
        }
        guard let runID = fields["run_id"], runID.utf8.count == 40,
            runID.utf8.allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }),
            let redis = fields["redis_version"], Self.isVersion(redis)
        else { throw .malformed(reason: "INFO lacks the version or the run id") }
        self.runID = String(runID)
        if let valkey = fields["valkey_version"], Self.isVersion(valkey) {
            version = "Valkey \(valkey)"
        } else {
            version = "Redis \(redis)"
        }
        guard let major = redis.split(separator: ".").first.flatMap({ Int($0) }), major >= 7 else {
            throw .rejected(
                reason: "\(version) is too old", remedy: "Use Redis 7.0 or later, or Valkey.")
        }
    }

    private static func isVersion(_ text: Substring) -> Bool {
        (1...32).contains(text.utf8.count)
            && text.utf8.allSatisfy {
                (0x30...0x39).contains($0) || (0x61...0x7a).contains($0) || $0 == 0x2e || $0 == 0x2d
            }
    }
}

/// The settings of Redis that lose acknowledged records. docs/redis.md has the same table.
enum RedisDurability {
    static let names = ["appendonly", "appendfsync", "no-appendfsync-on-rewrite", "maxmemory-policy"]

    /// Returns what is wrong with the settings.
    ///
    /// - Parameter reply: of CONFIG GET; an error where that is forbidden.
    /// - Returns: nil if the settings cannot be read.
    static func flaws(_ reply: RedisReply) throws(StoreFault) -> [DurabilityFlaw]? {
        if case .error(let text) = reply {
            if case .busy = RedisErrors.fault(text) { throw RedisErrors.fault(text) }
            return nil
        }
        guard let parts = reply.elements, parts.count % 2 == 0 else {
            throw .malformed(reason: "CONFIG GET has another form")
        }
        var settings: [String: String] = [:]
        for index in stride(from: 0, to: parts.count, by: 2) {
            guard let name = parts[index].text, let value = parts[index + 1].text else {
                throw .malformed(reason: "CONFIG GET has another form")
            }
            settings[name] = String(value.prefix(64))
        }
        guard names.allSatisfy({ settings[$0] != nil }) else { return nil }
        return rules.compactMap { rule in
            let value = settings[rule.setting] ?? ""
            return value == rule.wanted
                ? nil
                : DurabilityFlaw(
                    setting: rule.setting, value: value,
                    remedy:
                        "Set \(rule.setting) to \(rule.wanted) in redis.conf, and run: CONFIG SET \(rule.setting) \(rule.wanted)"
                )
        }
    }

    private static let rules: [(setting: String, wanted: String)] = [
        ("appendonly", "yes"), ("appendfsync", "always"), ("no-appendfsync-on-rewrite", "no"),
        ("maxmemory-policy", "noeviction"),
    ]

    static func missingReplicas(_ count: Int, of demanded: Int) -> DurabilityFlaw? {
        guard count < demanded else { return nil }
        return DurabilityFlaw(
            setting: "replicas", value: String(count),
            remedy: "Connect \(demanded) replicas to the primary, or lower MARTLET_STORE_REPLICAS.")
    }
}
