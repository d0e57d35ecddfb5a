import Encoding
import JOSE
import Keys
import Platform
import Tokens

/// The output of `martlet keys list`, which contains no secrets.
enum KeyListing {
    static func table(_ set: KeySet, at now: UnixMilliseconds) -> String {
        let head = ["KID", "ALG", "PURPOSE", "STATE", "SIGNS FROM", "VERIFIES UNTIL"]
        let rows = [head] + set.keys.sorted(by: isBefore).map { row($0, set, now) }
        let widths = head.indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            let cells = row.enumerated().map { $0.element.padded(to: widths[$0.offset]) }
            var line = cells.joined(separator: "  ")
            while line.last == " " { line.removeLast() }
            return line + "\n"
        }.joined()
    }

    static func json(_ set: KeySet, at now: UnixMilliseconds) -> String {
        JSONWriter.listing(set.keys.sorted(by: isBefore)) { key, writer in
            writer.member("kid", key.kid)
            writer.member("alg", key.algorithm.rawValue)
            writer.member("purpose", key.purpose.rawValue)
            writer.member("state", set.state(of: key, at: now).rawValue)
            let times: [(StaticString, UnixMilliseconds?)] = [
                ("created_at", key.lifecycle.createdAt), ("signs_from", key.lifecycle.begin),
                ("signs_until", key.lifecycle.signsUntil), ("verifies_until", key.lifecycle.verifiesUntil),
                ("compromised_at", key.lifecycle.compromisedAt),
            ]
            for (name, time) in times { writer.member(name, optional: time?.seconds.count) }
        }
    }

    /// Formats a time for readers, or returns a dash for none.
    static func moment(_ milliseconds: UnixMilliseconds?) -> String {
        guard let milliseconds else { return "-" }
        var output: [UInt8] = []
        ISO8601.write(milliseconds: milliseconds, to: &output)
        return String(decoding: output, as: UTF8.self)
    }

    private static func row(_ key: Key, _ set: KeySet, _ now: UnixMilliseconds) -> [String] {
        [
            key.kid, key.algorithm.rawValue, key.purpose.rawValue, set.state(of: key, at: now).rawValue,
            moment(key.lifecycle.begin), moment(key.lifecycle.verifiesUntil),
        ]
    }

    private static func isBefore(_ left: Key, _ right: Key) -> Bool {
        (left.purpose.rawValue, left.algorithm.rawValue, left.lifecycle.begin, left.kid)
            < (right.purpose.rawValue, right.algorithm.rawValue, right.lifecycle.begin, right.kid)
    }
}
