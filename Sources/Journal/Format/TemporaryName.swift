/// The names of incomplete files. Nothing in them was ever acknowledged.
enum TemporaryName {
    static let ending = ".tmp"

    /// Returns whether the journal generates such names for drafts; it must not remove any other file of the directory.
    static func isOurs(_ name: String) -> Bool {
        guard name.hasSuffix(ending) else { return false }
        let finished = String(name.dropLast(ending.utf8.count))
        return SegmentName(finished) != nil || SnapshotName(finished) != nil || TornName.isOurs(finished)
            || finished == ReserveFile.name
    }
}

/// The name of the copy of a torn segment tail: the segment name, the offset in hexadecimal, `.torn`.
enum TornName {
    private static let ending = ".torn"

    static func text(_ segment: String, offset: UInt64) -> String { "\(segment).\(hex(offset, digits: 8))\(ending)" }

    static func isOurs(_ name: String) -> Bool {
        guard name.hasSuffix(ending) else { return false }
        let parts = name.dropLast(ending.utf8.count)
        guard let dot = parts.lastIndex(of: "."), SegmentName(String(parts[..<dot])) != nil,
            let offset = UInt64(parts[parts.index(after: dot)...], radix: 16)
        else { return false }
        return text(String(parts[..<dot]), offset: offset) == name
    }
}
