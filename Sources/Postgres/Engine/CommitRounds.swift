internal import Store

/// One round trip.
enum CommitRound {
    case commit(CommitBatch)
    case data(DataBatch)
    case tell(TellBatch, step: Int)
}

/// Divides the steps of a batch into round trips, one for almost every batch.
struct CommitRounds {
    private(set) var rounds: [CommitRound] = []
    /// The steps that cannot be done.
    private(set) var failed: [Int: StoreFault] = [:]
    private var batch = CommitBatch()
    /// Done after ``batch``, so no later step of that may depend on it.
    private var data = DataBatch()

    init(_ steps: [StoreStep]) {
        for (index, step) in steps.enumerated() { add(step, index) }
        flush()
    }

    private mutating func add(_ step: StoreStep, _ index: Int) {
        switch step {
        case .append(let records):
            guard (1...CommitBatch.recordCountMax).contains(records.count) else {
                failed[index] = .malformed(reason: "a step of \(records.count) records")
                return
            }
            var marks = StepMarks()
            for record in records.compactMap({ CommitRecords.record($0) }) { marks.formUnion(StepMarks(record)) }
            prepare(marks, count: records.count)
            if !batch.append(records, step: index) {
                failed[index] = .malformed(reason: "a record of an unknown kind")
            }
        case .advance(let advance):
            prepare(StepMarks(advance), count: 1)
            batch.advance(advance, step: index)
        case .readData(let sid):
            if data.count >= CommitBatch.recordCountMax { flush() }
            data.read(sid, step: index)
        case .writeData(let write):
            guard write.content?.count ?? 0 <= DataBatch.byteCountMax else {
                failed[index] = .malformed(reason: "data of a session above \(DataBatch.byteCountMax) bytes")
                return
            }
            if data.count >= CommitBatch.recordCountMax { flush() }
            data.write(write, step: index)
        case .tell(let records):
            flush()
            guard let batches = TellBatch.batches(records) else {
                failed[index] = .malformed(reason: "a record of an unknown kind")
                return
            }
            rounds += batches.map { .tell($0, step: index) }
        }
    }

    private mutating func prepare(_ marks: StepMarks, count: Int) {
        if !batch.hasRoom(for: count) || data.marks.conflicts(with: marks) { flush() }
    }

    private mutating func flush() {
        if !batch.isEmpty { rounds.append(.commit(batch)) }
        if !data.isEmpty { rounds.append(.data(data)) }
        batch = CommitBatch()
        data = DataBatch()
    }
}
