internal import Glibc

/// One parsed request: the bytes, and the range of each part in them.
///
/// A loop owns one `Request` and reuses it for every message, so nothing of it may be kept after
/// ``Handler/handle(_:_:_:)`` returns: copy what a deferred response needs. The parser has already rejected ambiguous
/// messages; field names are lower-cased in place, values are trimmed of the white space around them.
package struct Request: ~Copyable, Sendable {
    package struct Field: Equatable, Sendable {
        package var name: Range<Int>
        package var value: Range<Int>

        package init(name: Range<Int>, value: Range<Int>) {
            self.name = name
            self.value = value
        }
    }

    /// The set of routes that a request may reach.
    package enum Role: UInt8, Sendable {
        /// The public routes.
        case service
        /// Health, metrics and administration: must never be on a public address.
        case `operator`
    }

    /// The bytes that the ranges below refer to. May have more than this message.
    package var bytes: [UInt8]
    package var method: Method = .other
    /// The path as received: never decoded, never empty.
    package var path: Range<Int> = 0..<0
    /// The part after `?`; empty when there is none.
    package var query: Range<Int> = 0..<0
    package var fields: [Field] = []
    /// The content, decoded from chunked transfer coding.
    package var body: Range<Int> = 0..<0
    package var role: Role = .service
    /// The client address: the peer of the connection, or the address that a trusted proxy supplies. Only
    /// ``PeerAddress/local`` if the connection came by a Unix socket and no proxy supplied an address.
    package var peer: PeerAddress = .local
    package var channel = Channel()
    /// Whether the peer of the connection is a trusted proxy, so that its forwarding fields were used.
    package var isRelayed = false
    /// Whether this is the first request of the connection.
    package var isFirst = true

    package init(byteCount: Int) {
        bytes = [UInt8](repeating: 0, count: byteCount)
        fields.reserveCapacity(64)
    }

    /// A copy of one message, which may be kept.
    package init(copying other: borrowing Request) {
        let end = other.fields.reduce(max(other.path.upperBound, other.query.upperBound, other.body.upperBound)) {
            max($0, $1.name.upperBound, $1.value.upperBound)
        }
        bytes = Array(other.bytes.prefix(end))
        method = other.method
        path = other.path
        query = other.query
        fields = other.fields
        body = other.body
        role = other.role
        peer = other.peer
        channel = other.channel
        isRelayed = other.isRelayed
        isFirst = other.isFirst
    }

    /// Extends ``bytes`` to at least this many.
    package mutating func makeRoom(byteCount: Int) {
        let missing = byteCount &- bytes.count
        if missing > 0 { bytes.append(contentsOf: repeatElement(0, count: missing)) }
    }

    @_lifetime(borrow self)
    package func bytes(_ range: Range<Int>) -> Span<UInt8> {
        bytes.span.extracting(range)
    }

    /// How often a field was sent.
    package enum Occurrence: Equatable, Sendable {
        case absent
        /// Where its value is.
        case once(Range<Int>)
        case repeated
    }

    /// Returns how often the field named `name` (in lower case) was sent, in one pass over the fields.
    package func occurrence(of name: StaticString) -> Occurrence {
        var found = Occurrence.absent
        let fields = fields.span
        for index in fields.indices where isNamed(fields[index], name) {
            guard case .absent = found else { return .repeated }
            found = .once(fields[index].value)
        }
        return found
    }

    /// Returns the value of the field named `name` (in lower case), or `nil` unless it was sent exactly once.
    package func field(_ name: StaticString) -> Range<Int>? {
        if case .once(let value) = occurrence(of: name) { value } else { nil }
    }

    /// Returns how often the field named `name` (in lower case) was sent.
    package func fieldCount(_ name: StaticString) -> Int {
        let fields = fields.span
        var count = 0
        for index in fields.indices where isNamed(fields[index], name) { count += 1 }
        return count
    }

    /// Most names differ in their length or in their last letter.
    @inline(__always)
    private func isNamed(_ field: Field, _ name: StaticString) -> Bool {
        let count = name.utf8CodeUnitCount
        guard field.name.count == count, count > 0 else { return false }
        let last = unsafe name.utf8Start[count &- 1]
        return bytes[field.name.upperBound &- 1] == last && isEqual(field.name, name)
    }

    /// Returns whether the bytes at `range` are those of `text`.
    package func isEqual(_ range: Range<Int>, _ text: StaticString) -> Bool {
        guard range.count == text.utf8CodeUnitCount else { return false }
        return unsafe bytes.span.extracting(range).withUnsafeBufferPointer { found in
            guard let found = found.baseAddress else { return true }
            return unsafe memcmp(found, text.utf8Start, text.utf8CodeUnitCount) == 0
        }
    }

    /// Returns whether the bytes at `range` are these.
    package func isEqual(_ range: Range<Int>, _ other: [UInt8]) -> Bool {
        guard range.count == other.count else { return false }
        return unsafe bytes.span.extracting(range).withUnsafeBufferPointer { found in
            unsafe other.withUnsafeBufferPointer { other in
                guard let found = found.baseAddress, let start = other.baseAddress else { return true }
                return unsafe memcmp(found, start, other.count) == 0
            }
        }
    }

    /// Returns the bytes at `range` as text; bytes that are not UTF-8 become U+FFFD.
    package func text(_ range: Range<Int>) -> String {
        String(decoding: bytes[range], as: UTF8.self)
    }
}
