import OpenSSL

/// A file of breached passwords, sorted by their SHA-1, as Pwned Passwords is downloaded: one ``BreachedLine`` each.
///
/// The file is searched on disk and never loaded. It is opened for each search, so a replaced file counts at once.
package struct BreachedPasswords: Sendable {
    /// The places at which ``check()`` reads, and how many bytes at each: a file of up to 1 MiB is checked completely.
    private static let placeCount = 256
    private static let placeByteCount = 4_096

    package let path: String

    package init(path: String) {
        self.path = path
    }

    /// Returns whether the list contains the password, by bisection: about 30 reads for tens of GiB.
    /// - Throws: `.breachedList` if a line on the way is malformed, `.file` if the file cannot be read.
    package func contains(_ password: [UInt8]) throws(AccountsError) -> Bool {
        let digest: [UInt8]
        do throws(CryptoError) { digest = try SHA1.digest(password.span) } catch {
            throw .hashing(call: "EVP_Digest", code: 0)
        }
        let file = try BreachedFile(path)
        var (low, high) = (0, file.byteCount)
        // Both are offsets at which a line begins, or the end of the file.
        while high - low > Self.placeByteCount {
            let middle = low + (high - low) / 2
            let bytes = try file.read(2 * (BreachedLine.byteCountMax + 1), at: middle)
            guard let feed = bytes.firstIndex(of: Self.lineFeed),
                let end = bytes[(feed + 1)...].firstIndex(of: Self.lineFeed)
            else { throw try Self.fault(BreachedLine.expected, file, at: middle) }
            let start = middle + feed + 1
            let order = try Self.line(bytes[(feed + 1)..<end], file, at: start).order(digest)
            if order == 0 { return true }
            if order < 0 { low = middle + end + 1 } else { high = start }
        }
        var isFound = false
        var last: BreachedLine?
        try Self.lines(file.read(high - low, at: low), file, from: low, after: &last) { line in
            isFound = isFound || line.order(digest) == 0
        }
        return isFound
    }

    /// Checks that the file can be read, and the form and the order of its lines at 256 places, 4 KiB at each.
    /// - Throws: `.breachedList` with the first wrong line, `.file` if the file cannot be read.
    package func check() throws(AccountsError) {
        let file = try BreachedFile(path)
        let step = max(file.byteCount / Self.placeCount, Self.placeByteCount)
        var last: BreachedLine?
        for place in stride(from: 0, to: file.byteCount, by: step) {
            var bytes = try file.read(Self.placeByteCount + BreachedLine.byteCountMax + 1, at: place)[...]
            // A place in the middle of a line: that line was read before, or is not checked.
            var start = place
            if place > 0 {
                let previous = try file.read(1, at: place - 1)
                if previous.first != Self.lineFeed {
                    guard let feed = bytes.prefix(BreachedLine.byteCountMax + 1).firstIndex(of: Self.lineFeed) else {
                        // The last line has no line feed.
                        if place + bytes.count == file.byteCount, bytes.count <= BreachedLine.byteCountMax { break }
                        throw try Self.fault(BreachedLine.expected, file, at: place)
                    }
                    start = place + feed + 1
                    bytes = bytes[(feed + 1)...]
                }
            }
            // The last line is the one with the last byte of the place; the next place begins after it.
            if let end = bytes.dropFirst(Self.placeByteCount - 1 - bytes.startIndex).firstIndex(of: Self.lineFeed) {
                bytes = bytes[...end]
            } else if place + bytes.endIndex < file.byteCount {
                throw try Self.fault(BreachedLine.expected, file, at: start)
            }
            try Self.lines(Array(bytes), file, from: start, after: &last)
        }
    }

    private static let lineFeed = UInt8(ascii: "\n")

    /// Checks the lines in `bytes`, of which the first begins at `start`.
    /// - Parameters:
    ///   - last: the line before; afterwards the last of these.
    ///   - body: called for each line.
    private static func lines(
        _ bytes: [UInt8], _ file: BreachedFile, from start: Int, after last: inout BreachedLine?,
        _ body: (BreachedLine) -> Void = { _ in }
    ) throws(AccountsError) {
        var before = last
        var position = 0
        while position < bytes.count {
            let end = bytes[position...].firstIndex(of: lineFeed) ?? bytes.count
            let line = try line(bytes[position..<end], file, at: start + position)
            if let before, line.isBefore(before) {
                throw try fault(
                    "a hash that is not before the one above. Sort the file: LC_ALL=C sort -o FILE FILE", file,
                    at: start + position)
            }
            body(line)
            before = line
            position = end + 1
        }
        last = before
    }

    private static func line(_ text: ArraySlice<UInt8>, _ file: BreachedFile, at offset: Int) throws(AccountsError)
        -> BreachedLine
    {
        do throws(BreachedLine.Fault) { return try BreachedLine(text) } catch {
            throw try fault(error.expected, file, at: offset)
        }
    }

    private static func fault(_ expected: String, _ file: BreachedFile, at offset: Int) throws(AccountsError)
        -> AccountsError
    {
        .breachedList(path: file.path, line: try file.line(at: offset), expected: expected)
    }
}
