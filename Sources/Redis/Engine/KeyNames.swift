internal import Encoding

/// The names of all keys. They have one hash tag, so that one server of a cluster has all of them.
struct KeyNames: Sendable {
    let prefix: String
    let log: String
    let epoch: String
    let time: String
    let nodes: String
    /// Is written only so that WAIT has something to wait for.
    let mark: String

    /// - Parameter tag: the setting.
    init(tag: String) {
        prefix = "{\(tag)}:"
        log = prefix + "log"
        epoch = prefix + "epoch"
        time = prefix + "time"
        nodes = prefix + "nodes"
        mark = prefix + "mark"
    }

    /// Finds all keys of ours with SCAN.
    var pattern: String {
        // In a pattern, these have a meaning.
        var pattern = ""
        for character in prefix {
            if "*?[]\\^".contains(character) { pattern.append("\\") }
            pattern.append(character)
        }
        return pattern + "*"
    }

    enum Family: String, CaseIterable, Sendable {
        /// The last rotation of a session.
        case rotation = "s"
        /// The revocation of a session.
        case session = "d"
        /// The revocation of a token.
        case token = "j"
        /// A revoke-before time.
        case cut = "c"
        /// The exemptions of a session from revoke-before times.
        case exemption = "k"
        /// The entry of a session in the list of its user.
        case entry = "e"
        /// The data of a session.
        case data = "x"
    }

    func key(_ family: Family, _ id: UUID) -> String { "\(prefix)\(family.rawValue):\(id)" }

    /// - Parameter kind: the number of a `RevokeBeforeKind`.
    func cut(_ kind: UInt8, _ id: UUID) -> String { "\(prefix)c:\(kind):\(id)" }

    /// What a name says.
    struct Parts: Equatable {
        let family: Family
        let id: UUID
        /// Of a revoke-before time.
        let kind: UInt8?
    }

    /// Returns nil for a key that is not of a family.
    func parts(_ name: [UInt8]) -> Parts? {
        guard name.starts(with: prefix.utf8) else { return nil }
        let fields = name[prefix.utf8.count...].split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
        guard let first = fields.first, let family = Family(rawValue: String(decoding: first, as: UTF8.self)),
            let last = fields.last, fields.count == (family == .cut ? 3 : 2)
        else { return nil }
        let text = Array(last)
        guard let id = UUID(text.span) else { return nil }
        guard family == .cut else { return Parts(family: family, id: id, kind: nil) }
        guard fields[1].count == 1, let digit = fields[1].first, (0x31...0x34).contains(digit) else { return nil }
        return Parts(family: family, id: id, kind: digit - 0x30)
    }
}
