/// Parses JSON (RFC 8259) strictly: each document has one meaning or is rejected.
///
/// Rejects duplicate names (compared after their escapes are resolved), a byte order mark, lone surrogates, invalid
/// UTF-8, control characters in strings, and anything after the value. Parses into a flat list of nodes that the next
/// ``parse(_:)`` reuses; values are read from the same bytes that were parsed. Nothing recurses and nothing traps on
/// any input.
package struct JSONDocument: Sendable {
    package enum Kind: UInt8, Sendable {
        case object, array, string, number, `true`, `false`, null
    }

    /// An index into the list of nodes; the root is 0. In an object each name directly precedes its value.
    package typealias Node = Int

    struct Entry: Sendable {
        static let empty = Entry(kind: .null, isPlain: false, start: 0, end: 0, next: 0, count: 0, fingerprint: 0)

        var kind: Kind
        /// Whether a string has no escapes, so that its bytes are its value.
        var isPlain: Bool
        var start: Int32
        var end: Int32
        /// The node after this one and all its descendants; while a container is open, the container around it.
        var next: Int32
        var count: Int32
        /// A hash of a member's name; equal names have equal hashes.
        var fingerprint: UInt64
    }

    /// Longer than the part in use, so that parsing writes in place.
    private(set) var entries: [Entry]
    private let limits: JSONLimits

    /// - Parameter capacity: the initial number of nodes; a larger document is parsed again with more room.
    package init(limits: JSONLimits = JSONLimits(), capacity: Int = 64) {
        self.limits = limits
        entries = [Entry](repeating: .empty, count: min(max(capacity, 64), max(limits.memberMax, 64)))
    }

    /// Replaces the content. After an error the document reads as `null`, as it does before the first parse.
    package mutating func parse(_ bytes: Span<UInt8>) throws(JSONError) {
        do throws(JSONError) {
            try read(bytes)
        } catch {
            entries[0] = .empty
            throw error
        }
    }

    @inline(__always)
    private mutating func read(_ bytes: Span<UInt8>) throws(JSONError) {
        guard bytes.count <= min(limits.byteCountMax, Int(Int32.max)) else { throw .tooLarge }
        if bytes.count >= 3, bytes[0] == 0xef, bytes[1] == 0xbb, bytes[2] == 0xbf { throw .byteOrderMark }
        let limits = limits
        while true {
            var room = entries.mutableSpan
            var parser = JSONParser(bytes, depthMax: limits.depthMax, nodeCountMax: limits.memberMax)
            if try parser.parse(into: &room) { return }
            // The list was too short: parse again with twice the room, which only a few documents ever need.
            entries = [Entry](repeating: .empty, count: entries.count * 2)
        }
    }
}
