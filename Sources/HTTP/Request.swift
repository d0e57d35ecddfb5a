/// One request as the wire reader left it: octets, and where in them each part lies.
///
/// A loop owns one `Request` and fills it again for every message, so nothing of it may be kept after
/// ``Handler/handle(_:_:_:)`` returns: copy what a deferred answer needs. The reader has already refused whatever is
/// ambiguous; field names are lower-cased in place, values are trimmed of the white space around them.
package struct Request: ~Copyable {
    package struct Field: Equatable, Sendable {
        package var name: Range<Int>
        package var value: Range<Int>

        package init(name: Range<Int>, value: Range<Int>) {
            self.name = name
            self.value = value
        }
    }

    /// Which set of routes a request may reach.
    package enum Role: UInt8, Sendable {
        /// What everyone may call.
        case service
        /// Health, metrics and administration: never on a public address.
        case `operator`
    }

    /// The octets that the ranges below point into. May hold more than this message.
    package var bytes: [UInt8]
    package var method: Method = .other
    /// The path as received: never decoded, never empty.
    package var path: Range<Int> = 0..<0
    /// What follows `?`; empty when there is none.
    package var query: Range<Int> = 0..<0
    package var fields: [Field] = []
    /// The content, with any chunked coding taken off.
    package var body: Range<Int> = 0..<0
    package var role: Role = .service
    /// Where it comes from: the connection's other end, or who a proxy that is trusted names instead. Never
    /// ``PeerAddress/local`` unless the connection came by a Unix socket and no proxy named anyone.
    package var peer: PeerAddress = .local
    package var channel = Channel()
    /// Whether the connection's other end is a trusted proxy, so that forwarding fields were believed.
    package var isRelayed = false
    /// Whether the connection brought no request before this one.
    package var isFirst = true

    package init(byteCount: Int) {
        bytes = [UInt8](repeating: 0, count: byteCount)
        fields.reserveCapacity(64)
    }

    @_lifetime(borrow self)
    package func octets(_ range: Range<Int>) -> Span<UInt8> {
        bytes.span.extracting(range)
    }

    /// The value of the field named `name` (in lower case), or `nil` unless it was sent exactly once.
    package func field(_ name: StaticString) -> Range<Int>? {
        var found: Range<Int>?
        for field in fields where isEqual(field.name, name) {
            guard found == nil else { return nil }
            found = field.value
        }
        return found
    }

    /// How often the field named `name` (in lower case) was sent.
    package func fieldCount(_ name: StaticString) -> Int {
        fields.reduce(into: 0) { count, field in if isEqual(field.name, name) { count += 1 } }
    }

    /// Whether the octets at `range` are those of `text`.
    package func isEqual(_ range: Range<Int>, _ text: StaticString) -> Bool {
        guard range.count == text.utf8CodeUnitCount else { return false }
        for place in 0..<range.count {
            guard unsafe bytes[range.lowerBound + place] == text.utf8Start[place] else { return false }
        }
        return true
    }

    /// The octets at `range` as text; octets that are not UTF-8 come out as U+FFFD.
    package func text(_ range: Range<Int>) -> String {
        String(decoding: bytes[range], as: UTF8.self)
    }
}
