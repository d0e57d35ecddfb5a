internal import Encoding
internal import Journal
internal import Revocation
internal import Store

/// What a step reads and writes. Steps without a conflict give the same result in any order.
struct StepMarks {
    enum Mark: Hashable {
        case session(UUID)
        case cut(UUID)
    }

    private var reads: Set<Mark> = []
    private var writes: Set<Mark> = []
    /// The sessions that are revoked; revoking one twice is the same as once.
    private var ends: Set<UUID> = []

    init() {}

    init(_ record: CommitRecord) {
        switch JournalRecord.Kind(rawValue: UInt8(truncatingIfNeeded: record.kind)) {
        case .revokeSession: ends = [record.key]
        case .cut where record.flags & 1 == 0: writes = [.cut(record.key)]
        case .cut: writes = [.session(record.key)]
        case .rotate: writes = [.session(record.key)]
        case .sessionEntry where record.flags & 15 == 0: writes = [.session(record.key)]
        default: break
        }
    }

    init(_ advance: StoreAdvance) {
        self.init(writing: advance.sid, advance.guardian)
    }

    init(writing sid: UUID, _ guardian: SessionGuard) {
        writes = [.session(sid)]
        reads = [.cut(guardian.all), .cut(guardian.client), .cut(guardian.subject)]
    }

    init(reading sid: UUID) { reads = [.session(sid)] }

    func conflicts(with other: StepMarks) -> Bool {
        !writes.isDisjoint(with: other.writes) || !writes.isDisjoint(with: other.reads)
            || !reads.isDisjoint(with: other.writes) || touches(other.ends) || other.touches(ends)
    }

    mutating func formUnion(_ other: StepMarks) {
        reads.formUnion(other.reads)
        writes.formUnion(other.writes)
        ends.formUnion(other.ends)
    }

    private func touches(_ sids: Set<UUID>) -> Bool {
        sids.contains { reads.contains(.session($0)) || writes.contains(.session($0)) }
    }
}

/// Puts each of a batch's records into the last part, or into a new one if it depends on what the last part does.
struct CommitParts {
    private(set) var count = 0
    private(set) var all = StepMarks()
    private var last = StepMarks()

    /// - Returns: the number of the part.
    mutating func place(_ marks: StepMarks) -> Int32 {
        if count == 0 || last.conflicts(with: marks) {
            last = StepMarks()
            count += 1
        }
        last.formUnion(marks)
        all.formUnion(marks)
        return Int32(clamping: count - 1)
    }
}
