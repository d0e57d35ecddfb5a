import Encoding
import Foundation
import Journal
import Platform
@testable import Revocation

extension Harness {
    /// An entry that is not recorded yet.
    func entry(
        _ store: RevocationStore, subject: String = "alice", client: String = "web", device: String? = nil,
        address: SessionEntry.Address? = nil, idleSeconds: Int64 = 3_600
    ) -> SessionEntry {
        let sid = store.identifiers.next()
        return SessionEntry(
            sid: sid, subject: subject.utf8.span, clientID: client, device: device, address: address,
            end: sid.milliseconds.adding(milliseconds: 90 * day).seconds, idleSeconds: idleSeconds)
    }

    @discardableResult
    func compact(_ store: RevocationStore) throws -> CompactionReport {
        try store.compact(now: now, monotonic: monotonic.load(ordering: .relaxed))
    }

    /// The number of complete entries on disk.
    func entryCount() throws -> Int {
        var assembly = SessionEntryAssembly()
        return try records().filter { $0.kind == .sessionEntry && assembly.take($0) != nil }.count
    }

    func awaitWritable(_ store: RevocationStore) {
        for _ in 0..<500 where !store.isWritable { Thread.sleep(forTimeInterval: 0.01) }
    }

    /// Cuts the newest segment off behind the given number of records of entries.
    func truncate(afterEntryRecords count: Int) throws {
        let name = try FileManager.default.contentsOfDirectory(atPath: path).filter { $0.hasSuffix(".jrn") }.max() ?? ""
        let file = URL(fileURLWithPath: path + "/" + name)
        var bytes = [UInt8](try Data(contentsOf: file))
        var seen = 0
        var offset = 4_096
        while offset < bytes.count, seen < count {
            if bytes[offset + 4] == 8 { seen += 1 }
            offset += 64
        }
        for index in offset..<bytes.count { bytes[index] = 0 }
        try Data(bytes).write(to: file)
    }
}

extension RevocationStore {
    /// Records the entry.
    ///
    /// - Returns: the sessions that ended; nil if nothing could be recorded.
    func began(_ entry: SessionEntry, countMax: Int? = nil) -> [Encoding.UUID]? {
        let answers = Collector<[Encoding.UUID]?>()
        begin(entry, at: now, countMax: countMax, keptUntil: { _ in entry.end }) {
            answers.take(try? $0.get().displaced)
        }
        return answers.wait()[0]
    }

    func listed(_ subject: String, at now: UnixMilliseconds) -> [ListedSession] {
        sessions(of: subject.utf8.span, at: now)
    }
}
