internal import Encoding
internal import Journal
internal import Platform
internal import Revocation
internal import Store

/// Events and rotations for one call of the function `commit`.
struct CommitBatch {
    static let recordCountMax = 4_096
    /// Each part is a statement; a batch with more parts than this becomes two.
    static let partCountMax = 64

    private(set) var steps: Set<Int> = []
    private(set) var recordCount = 0
    private var parts = CommitParts()
    private var records: [(part: Int32, step: Int32, record: CommitRecord)] = []
    private var rotations: [(part: Int32, step: Int32, advance: StoreAdvance, bytes: [UInt8])] = []
    private var entries: [(part: Int32, sid: UUID, bytes: [UInt8])] = []

    var isEmpty: Bool { steps.isEmpty }
    /// What the steps read and write.
    var marks: StepMarks { parts.all }

    func hasRoom(for count: Int) -> Bool {
        isEmpty || (recordCount + count <= Self.recordCountMax && parts.count < Self.partCountMax)
    }

    /// - Returns: whether the records are such as an engine may have.
    mutating func append(_ list: [JournalRecord], step: Int) -> Bool {
        var prepared: [(record: CommitRecord, entry: [UInt8]?)] = []
        for (index, record) in list.enumerated() {
            guard let made = CommitRecords.record(record) else { return false }
            guard record.kind == .sessionEntry, record.flags & 15 == 0 else {
                prepared.append((made, nil))
                continue
            }
            guard let bytes = CommitRecords.entry(list, at: index) else { return false }
            prepared.append((made, bytes))
        }
        for (record, entry) in prepared {
            let part = parts.place(StepMarks(record))
            records.append((part, Int32(clamping: step), record))
            if let entry { entries.append((part, record.key, entry)) }
        }
        steps.insert(step)
        recordCount += list.count
        return true
    }

    mutating func advance(_ advance: StoreAdvance, step: Int) {
        let event = RevocationEvent.rotated(
            sid: advance.sid, generation: advance.generation &+ 1, request: advance.request,
            sessionEnd: advance.sessionEnd)
        let part = parts.place(StepMarks(advance))
        let record = RevocationCodec.record(event)
        let bytes = CommitRecords.bytes(advance.isRepeated ? RevocationCodec.again(record) : record)
        rotations.append((part, Int32(clamping: step), advance, bytes))
        steps.insert(step)
        recordCount += 1
    }

    func values(epoch: UInt32) -> BinaryValues {
        var values = BinaryValues()
        values.add(Int64(epoch))
        values.add(Int32(clamping: parts.count))
        values.add(records.map(\.part))
        values.add(records.map(\.step))
        values.add(records.map(\.record.kind))
        values.add(records.map(\.record.key))
        values.add(records.map { $0.record.variant as Int64? })
        values.add(records.map(\.record.flags))
        values.add(records.map(\.record.reason))
        values.add(records.map { $0.record.expires.count as Int64? })
        values.add(records.map { $0.record.value as Int64? })
        values.add(records.map { $0.record.bytes as [UInt8]? })
        values.add(rotations.map(\.part))
        values.add(rotations.map(\.step))
        values.add(rotations.map(\.advance.sid))
        values.add(rotations.map { Int64($0.advance.generation) as Int64? })
        values.add(rotations.map { Int64($0.advance.request) as Int64? })
        values.add(rotations.map { $0.advance.sessionEnd.count as Int64? })
        values.add(rotations.map { $0.advance.guardian.birth.map { Int64(clamping: $0) } })
        values.add(rotations.map { CommitRecords.ordered($0.advance.guardian.idHigh) as Int64? })
        values.add(rotations.map(\.advance.guardian.all))
        values.add(rotations.map(\.advance.guardian.client))
        values.add(rotations.map(\.advance.guardian.subject))
        values.add(rotations.map(\.advance.isRepeated))
        values.add(rotations.map { $0.bytes as [UInt8]? })
        values.add(entries.map(\.part))
        values.add(entries.map(\.sid))
        values.add(entries.map { $0.bytes as [UInt8]? })
        return values
    }
}
