/// Names of files whose making was cut short: nothing was ever acknowledged from them.
enum TemporaryName {
    static let ending = ".tmp"

    /// Whether this journal would have given a draft the name; what else is in the directory is not its to remove.
    static func isOurs(_ name: String) -> Bool {
        guard name.hasSuffix(ending) else { return false }
        let finished = String(name.dropLast(ending.utf8.count))
        return SegmentName(finished) != nil || SnapshotName(finished) != nil || TornName.isOurs(finished)
            || finished == ReserveFile.name
    }
}

/// The copy of what a crash left at the end of a segment: the segment's name, the offset in hexadecimal, `.torn`.
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
