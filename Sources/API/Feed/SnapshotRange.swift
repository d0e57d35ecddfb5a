/// The field `Range` of a request for a snapshot.
package enum SnapshotRange {
    /// Parses one range of bytes (RFC 9110 §14.1.2).
    ///
    /// - Returns: nil for anything else, and for a range that is not in the content; the answer is then the whole
    ///   content.
    package static func parse(_ text: String, _ byteCount: Int) -> Range<Int>? {
        guard text.lowercased().hasPrefix("bytes=") else { return nil }
        let ends = text.dropFirst(6).split(separator: "-", omittingEmptySubsequences: false).map(\.trimmed)
        guard ends.count == 2 else { return nil }
        guard let first = number(ends[0]) else {
            guard ends[0].isEmpty, let count = number(ends[1]), count > 0 else { return nil }
            return max(0, byteCount &- count)..<byteCount
        }
        guard first < byteCount else { return nil }
        if ends[1].isEmpty { return first..<byteCount }
        guard let last = number(ends[1]), last >= first else { return nil }
        return first..<min(byteCount, last &+ 1)
    }

    private static func number(_ text: Substring) -> Int? {
        guard (1...15).contains(text.utf8.count), text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
            return nil
        }
        return Int(text)
    }
}
