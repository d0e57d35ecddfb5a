internal import Store

/// What each error of Redis means for a node. docs/redis.md has the same table.
enum RedisErrors {
    enum Meaning {
        /// It passes by itself, and nothing happened.
        case busy(String)
        /// Another server is the primary.
        case notPrimary(String)
        /// It needs a change by the operator.
        case rejected(String, remedy: String)
    }

    /// By the first word of the error.
    static let table: [String: Meaning] = [
        "LOADING": .busy("Redis is loading its data"),
        "BUSY": .busy("Redis is running a script that takes long"),
        "READONLY": .notPrimary("the server is a replica"),
        "MASTERDOWN": .notPrimary("the server is a replica that has lost its primary"),
        "MOVED": .notPrimary("another server of the cluster has the keys"),
        "ASK": .busy("the cluster is moving the keys"),
        "TRYAGAIN": .busy("the cluster is moving the keys"),
        "CLUSTERDOWN": .busy("the cluster is down"),
        "OOM": .busy("Redis has reached maxmemory"),
        "NOREPLICAS": .busy("Redis has fewer replicas than min-replicas-to-write"),
        "MISCONF": .busy("Redis cannot write to its disk"),
        "UNBLOCKED": .notPrimary("the server became a replica"),
        "NOSCRIPT": .busy("Redis has lost the scripts"),
        "NOAUTH": .rejected(
            "Redis demands a password", remedy: "Set MARTLET_STORE_PASSWORD_FILE to a file that contains it."),
        "WRONGPASS": .rejected(
            "Redis rejects the user or the password",
            remedy: "Compare the user in MARTLET_STORE and the file of MARTLET_STORE_PASSWORD_FILE with ACL LIST."),
        "NOPERM": .rejected(
            "the user of MARTLET_STORE has too few rights in Redis", remedy: "Run the ACL line of docs/redis.md."),
        "WRONGTYPE": .rejected(
            "a key of Martlet has another type, so another program uses the same keys",
            remedy: "Give that program other keys, or set MARTLET_STORE_PREFIX, and delete the key."),
    ]

    /// Returns the fault of an error reply.
    ///
    /// - Parameter isQuiet: whether the command had a password; only the code is then part of the reason.
    static func fault(_ error: [UInt8], isQuiet: Bool = false) -> StoreFault {
        let code = String(
            decoding: error.prefix { (0x41...0x5a).contains($0) || (0x30...0x39).contains($0) }.prefix(24),
            as: UTF8.self)
        switch table[code] {
        case .busy(let reason): return .busy(reason: "\(reason) (\(code))")
        case .notPrimary(let reason): return .notPrimary(reason: "\(reason) (\(code))")
        case .rejected(let reason, let remedy):
            let detail = code == "NOPERM" && !isQuiet ? shown(error) : code
            return .rejected(reason: "\(reason) (\(detail))", remedy: remedy)
        case nil: break
        }
        let text = isQuiet ? code : shown(error)
        if text.contains("max number of clients") { return .busy(reason: "Redis has reached maxclients") }
        return .rejected(
            reason: "Redis answers: \(text)", remedy: "Look into the log of Redis, and run: martlet store check")
    }

    /// The fault of commands of which some may have succeeded before this error.
    static func lost(after error: [UInt8]) -> StoreFault {
        switch fault(error, isQuiet: true) {
        case .busy(let reason), .notPrimary(let reason), .rejected(let reason, _): .lost(reason: reason)
        default: .lost(reason: "Redis answered with an error")
        }
    }

    /// Returns the text without arguments of the command, which it may quote.
    private static func shown(_ error: [UInt8]) -> String {
        let printable = error.prefix(200).map { (0x20..<0x7f).contains($0) ? $0 : UInt8(ascii: "?") }
        let text = String(decoding: printable, as: UTF8.self)
        guard let quoted = text.firstRange(of: ", with args") else { return text }
        return String(text[..<quoted.lowerBound])
    }

    /// Returns the server that a MOVED error names.
    static func destination(_ error: [UInt8]) -> (host: String, port: UInt16)? {
        let words = error.split(separator: UInt8(ascii: " "))
        guard words.count == 3, words[0].elementsEqual("MOVED".utf8),
            let colon = words[2].lastIndex(of: UInt8(ascii: ":")),
            let port = RedisReply.decimal(words[2][(colon + 1)...]).flatMap({ UInt16(exactly: $0) }), port > 0
        else { return nil }
        let host = words[2][..<colon]
        guard (1...253).contains(host.count), host.allSatisfy({ (0x21..<0x7f).contains($0) }) else { return nil }
        return (String(decoding: host, as: UTF8.self), port)
    }
}
