import Encoding
import Platform
import Revocation

/// The line of `followed.position`: up to where the log was written, and when everything was known.
///
/// It may be older than the log, but never newer in effect: a position counts only together with the log that it was
/// written for.
struct CopyPosition: Equatable, Sendable {
    static let byteCount = 192

    let position: LedgerPosition
    /// The size of the log when this was written.
    let logByteCount: Int
    /// The start of the machine that `asOf` belongs to.
    let bootID: String
    /// Milliseconds of the clock of that start.
    let asOf: Int64
    /// The same moment by the wall clock.
    let wall: UnixMilliseconds

    /// The content of the file: one line, a checksum of it, and padding.
    var bytes: [UInt8] {
        let text = "\(position.text) \(logByteCount) \(bootID) \(asOf) \(wall.count) "
        let line = text + String(CRC32C.checksum(Array(text.utf8).span), radix: 16) + "\n"
        let padding = max(0, Self.byteCount - line.utf8.count)
        return Array(line.utf8) + [UInt8](repeating: 0x20, count: padding)
    }

    init(position: LedgerPosition, logByteCount: Int, bootID: String, asOf: Int64, wall: UnixMilliseconds) {
        self.position = position
        self.logByteCount = logByteCount
        self.bootID = bootID
        self.asOf = asOf
        self.wall = wall
    }

    /// - Returns: nil for a line that is torn or malformed.
    init?(_ bytes: [UInt8]) {
        let line = String(decoding: bytes.prefix { $0 != 0x0A }, as: UTF8.self)
        let parts = line.split(separator: " ", omittingEmptySubsequences: false)
        guard parts.count == 6, let position = LedgerPosition(text: parts[0]), let size = Int(parts[1]), size >= 0,
            let asOf = Int64(parts[3]), let wall = Int64(parts[4])
        else { return nil }
        self.init(
            position: position, logByteCount: size, bootID: String(parts[2]), asOf: asOf, wall: UnixMilliseconds(wall))
        guard self.bytes.prefix(while: { $0 != 0x0A }).elementsEqual(line.utf8) else { return nil }
    }
}
