import Encoding
import Journal
import Platform

/// Revocations that take effect on this node and that the engine does not have: their callers got an error. They are in
/// a file of the copy's directory until the engine has them.
final class UnsentRevocations {
    static let name = "unsent.revocations"
    /// How many records are kept. A caller that repeats a request adds some each time.
    static let recordCountMax = 262_144

    private let storage: any JournalStorage
    private var file: (any JournalFile)?
    private var byteCount = 0
    /// The records of each revocation, which belong together.
    private(set) var groups: [[JournalRecord]] = []
    /// How many of the first ones are in the file.
    private var storedCount = 0
    private var recordCount = 0

    /// Reads the file.
    ///
    /// - Throws: `.corrupt` for a damaged record before the last one.
    init(_ storage: any JournalStorage) throws(JournalError) {
        self.storage = storage
        guard try storage.names().contains(Self.name) else { return }
        let size = try storage.byteCount(of: Self.name)
        let bytes = try storage.read(Self.name, at: 0, count: min(Int(clamping: size), Self.recordCountMax * 64))
        let whole = bytes.count / JournalRecord.byteCount
        for index in 0..<whole {
            let start = index * JournalRecord.byteCount
            let record: JournalRecord
            do throws(PortableRecordFault) {
                record = try JournalRecord(portable: bytes.span.extracting(start..<(start + JournalRecord.byteCount)))
            } catch {
                // What a crash left of the last write was never promised to anyone.
                if index + 1 == whole { break }
                throw .corrupt(file: Self.name, offset: UInt64(clamping: start), expectation: "an intact record")
            }
            take(record)
        }
        storedCount = groups.count
    }

    private func take(_ record: JournalRecord) {
        recordCount += 1
        if StoreRecord.continues(record), !groups.isEmpty {
            groups[groups.count - 1].append(record)
        } else {
            groups.append([record])
        }
    }

    /// Keeps a revocation. It is in the file after ``store()``.
    ///
    /// - Returns: false if there are too many.
    func add(_ records: [JournalRecord]) -> Bool {
        guard recordCount + records.count <= Self.recordCountMax else { return false }
        groups.append(records)
        recordCount += records.count
        return true
    }

    /// Writes what was added. It is on stable storage on return.
    func store() throws(JournalError) {
        guard storedCount < groups.count else { return }
        guard let file else { return try rewrite() }
        let bytes = Self.bytes(groups[storedCount...])
        do throws(JournalError) {
            try file.write(bytes, at: UInt64(clamping: byteCount))
        } catch {
            // A second sync of the same pages could wrongly report success.
            file.close()
            self.file = nil
            try rewrite()
            return
        }
        byteCount += bytes.count
        storedCount = groups.count
    }

    /// Drops the first revocations, which the engine has now.
    func removeFirst(_ count: Int) throws(JournalError) {
        for group in groups.prefix(count) { recordCount -= group.count }
        groups.removeFirst(min(count, groups.count))
        storedCount = 0
        try rewrite()
    }

    private func rewrite() throws(JournalError) {
        file?.close()
        file = nil
        if groups.isEmpty {
            try storage.remove(Self.name)
            return
        }
        let bytes = Self.bytes(groups[...])
        file = try storage.create(Self.name, content: bytes)
        byteCount = bytes.count
        storedCount = groups.count
    }

    private static func bytes(_ groups: ArraySlice<[JournalRecord]>) -> [UInt8] {
        var bytes: [UInt8] = []
        for record in groups.joined() { record.writePortable(seq: 0, time: record.time, to: &bytes) }
        return bytes
    }
}
