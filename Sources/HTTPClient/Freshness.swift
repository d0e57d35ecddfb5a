/// Computes how long a response may be reused (RFC 9111 §4.2, §5.2.2), as far as keys and metadata need it.
enum Freshness {
    /// Seconds, for a response that states no lifetime.
    static let standard: Int64 = 300
    /// The maximum in seconds, whatever the server states: a withdrawn key must be noticed.
    static let maximum: Int64 = 86_400

    /// - Returns: seconds, 0 for a response that must be revalidated on each use, `nil` for one that must not be
    ///   stored.
    static func seconds(of answer: Answer) -> Int64? {
        let directives = answer.fields.filter { $0.name == "cache-control" }
            .flatMap { $0.value.split(separator: ",") }
            .map { String(trimmed($0)).lowercased() }
        if directives.contains("no-store") { return nil }
        if directives.contains(where: { $0 == "no-cache" || $0.hasPrefix("no-cache=") }) { return 0 }
        let ages = directives.compactMap { $0.hasPrefix("max-age=") ? $0.dropFirst("max-age=".count) : nil }
        guard let first = ages.first else { return standard }
        // Two different lifetimes, or a value that is not a number, count as stale (RFC 9111 §4.2.1).
        guard ages.allSatisfy({ $0 == first }), let lifetime = number(first) else { return 0 }
        let age = answer.field("age").flatMap { number($0[...]) } ?? 0
        return min(max(0, lifetime - age), maximum)
    }

    /// Parses digits, optionally in quotes; more than nine digits count as the largest number.
    private static func number(_ text: Substring) -> Int64? {
        let digits =
            text.count >= 2 && text.hasPrefix("\"") && text.hasSuffix("\"") ? text.dropFirst().dropLast() : text
        guard !digits.isEmpty, digits.utf8.allSatisfy({ 0x30...0x39 ~= $0 }) else { return nil }
        return digits.utf8.count <= 9 ? Int64(digits) : 999_999_999
    }

    private static func trimmed(_ text: Substring) -> Substring {
        var rest = text
        while let first = rest.first, first == " " || first == "\t" { rest.removeFirst() }
        while let last = rest.last, last == " " || last == "\t" { rest.removeLast() }
        return rest
    }
}
