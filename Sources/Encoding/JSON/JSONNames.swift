/// Checks that the names of one object differ.
enum JSONNames {
    typealias Entry = JSONDocument.Entry

    /// Up to this many names are compared pairwise; above it, they are first sorted by fingerprint, so that a large
    /// object does not take quadratic time.
    private static let fewCount = 24

    /// Rejects an object that has two equal names.
    ///
    /// - Throws: `.duplicateMember` with the offset of the second name's quote.
    static func refuseDuplicates(
        in object: Int, _ entries: Span<Entry>, _ bytes: Span<UInt8>
    ) throws(JSONError) {
        guard Int(entries[object].count) <= fewCount else { return try refuseAmongMany(in: object, entries, bytes) }
        // One bit of 256 per name: while a name's bit is unset, no earlier name can be equal.
        var seen = InlineArray<4, UInt64>(repeating: 0)
        var name = object + 1
        let end = Int(entries[object].next)
        while name < end {
            let fingerprint = entries[name].fingerprint
            let word = Int(truncatingIfNeeded: fingerprint & 3)
            let bit: UInt64 = 1 << (fingerprint >> 2 & 63)
            if seen[word] & bit != 0 { try refuseEarlier(name, in: object, entries, bytes) }
            seen[word] |= bit
            name = Int(entries[name + 1].next)
        }
    }

    private static func refuseEarlier(
        _ name: Int, in object: Int, _ entries: Span<Entry>, _ bytes: Span<UInt8>
    ) throws(JSONError) {
        var earlier = object + 1
        while earlier < name {
            if isSame(earlier, name, entries, bytes) { throw .duplicateMember(Int(entries[name].start) - 1) }
            earlier = Int(entries[earlier + 1].next)
        }
    }

    private static func refuseAmongMany(
        in object: Int, _ entries: Span<Entry>, _ bytes: Span<UInt8>
    ) throws(JSONError) {
        var names: [(fingerprint: UInt64, node: Int)] = []
        names.reserveCapacity(Int(entries[object].count))
        var name = object + 1
        while name < Int(entries[object].next) {
            names.append((entries[name].fingerprint, name))
            name = Int(entries[name + 1].next)
        }
        names.sort { ($0.fingerprint, $0.node) < ($1.fingerprint, $1.node) }
        for (index, name) in names.enumerated() {
            // All names with this fingerprint are adjacent, but an equal one need not be the direct neighbor.
            var earlier = index - 1
            while earlier >= 0, names[earlier].fingerprint == name.fingerprint {
                if isSame(names[earlier].node, name.node, entries, bytes) {
                    throw .duplicateMember(Int(entries[name.node].start) - 1)
                }
                earlier -= 1
            }
        }
    }

    private static func isSame(_ left: Int, _ right: Int, _ entries: Span<Entry>, _ bytes: Span<UInt8>) -> Bool {
        guard entries[left].fingerprint == entries[right].fingerprint else { return false }
        return value(entries[left], bytes) == value(entries[right], bytes)
    }

    private static func value(_ entry: Entry, _ bytes: Span<UInt8>) -> [UInt8] {
        JSONText.unescaped(bytes.extracting(Int(entry.start)..<Int(entry.end)))
    }
}
