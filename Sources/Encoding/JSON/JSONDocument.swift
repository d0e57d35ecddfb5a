/// A strict reader of JSON (RFC 8259): one meaning for each document, or none.
///
/// Refuses duplicate names (compared after their escapes are resolved), a byte order mark, lone surrogates, invalid UTF-8, control
/// characters in strings, and anything after the value. Reads into a flat list of nodes that is used again by the next
/// ``parse(_:)``; values are looked up in the same octets that were parsed. Nothing recurses and nothing traps on any input.
package struct JSONDocument: Sendable {
    package enum Kind: UInt8, Sendable {
        case object, array, string, number, `true`, `false`, null
    }

    /// A place in the list of nodes; the root is 0. In an object each name stands directly before its value.
    package typealias Node = Int

    struct Entry: Sendable {
        static let empty = Entry(kind: .null, isPlain: false, start: 0, end: 0, next: 0, count: 0, fingerprint: 0)

        var kind: Kind
        /// A string without escapes: its octets are its value.
        var isPlain: Bool
        var start: Int32
        var end: Int32
        /// The node after this one and all that it holds; while a container is open, the container around it.
        var next: Int32
        var count: Int32
        /// Of a name: a number equal for equal names.
        var fingerprint: UInt64
    }

    /// Longer than what is in use, so that parsing writes in place.
    private(set) var entries: [Entry]
    private let limits: JSONLimits

    /// - Parameter capacity: how many nodes there is room for at first; a document of more is read again with more room.
    package init(limits: JSONLimits = JSONLimits(), capacity: Int = 64) {
        self.limits = limits
        entries = [Entry](repeating: .empty, count: min(max(capacity, 64), max(limits.memberMax, 64)))
    }

    /// Replaces the content. After a fault the document reads as `null`, as it does before the first parse.
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
            // Too many nodes for the room there was: once more with twice as much, which a few documents ever need.
            entries = [Entry](repeating: .empty, count: entries.count * 2)
        }
    }
}
