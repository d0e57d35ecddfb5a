import Encoding
import Journal
import Platform

/// When a node had everything, and which records all replicas of the engine had then: a file of one line next to
/// the copy, so that a node that starts while the engine is away can say how old its knowledge is.
struct KnowledgeNote: Equatable, Sendable {
    static let name = "engine.known"
    private static let byteCount = 192

    /// The start of the machine that ``asOf`` belongs to.
    let bootID: String
    /// Milliseconds of the clock of that start.
    let asOf: Int64
    /// The same moment by the wall clock.
    let wall: UnixMilliseconds
    /// The last record of which nothing before can be lost; nil if that is not known.
    let safeSeq: UInt64?

    init(bootID: String, asOf: Int64, wall: UnixMilliseconds, safeSeq: UInt64?) {
        self.bootID = bootID.isEmpty ? "-" : bootID
        self.asOf = asOf
        self.wall = wall
        self.safeSeq = safeSeq
    }

    var bytes: [UInt8] {
        let text = "\(bootID) \(asOf) \(wall.count) \(safeSeq.map(String.init) ?? "-") "
        let line = text + String(CRC32C.checksum(Array(text.utf8).span), radix: 16) + "\n"
        return Array(line.utf8) + [UInt8](repeating: 0x20, count: max(0, Self.byteCount - line.utf8.count))
    }

    /// - Returns: nil for a line that is torn or malformed.
    init?(_ bytes: [UInt8]) {
        let line = String(decoding: bytes.prefix { $0 != 0x0A }, as: UTF8.self)
        let parts = line.split(separator: " ", omittingEmptySubsequences: false)
        guard parts.count == 5, let asOf = Int64(parts[1]), let wall = Int64(parts[2]) else { return nil }
        self.init(
            bootID: String(parts[0]), asOf: asOf, wall: UnixMilliseconds(wall), safeSeq: UInt64(parts[3]))
        guard self.bytes.prefix(while: { $0 != 0x0A }).elementsEqual(line.utf8) else { return nil }
    }

    /// Translates the moment into the clock of this process. After a restart of the machine, only the wall clock is left;
    /// if it was set back, the moment is unknown.
    func asOf(bootID current: String, now: Int64, wall present: UnixMilliseconds) -> Int64? {
        if !current.isEmpty, current == bootID { return asOf <= now ? asOf : nil }
        let age = present.milliseconds(since: wall)
        return age >= 0 ? now.saturatingAdd(-age) : nil
    }

    static func read(_ storage: any JournalStorage) -> KnowledgeNote? {
        guard let names = try? storage.names(), names.contains(name),
            let bytes = try? storage.read(name, at: 0, count: 4_096)
        else { return nil }
        return KnowledgeNote(bytes)
    }
}
