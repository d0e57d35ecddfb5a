package import Platform

/// A read-only examination of a journal without its lock; a server may be writing meanwhile.
package struct JournalInspection: Sendable {
    package struct SegmentSummary: Equatable, Sendable {
        package let name: String
        package let header: SegmentHeader
        package let byteCount: UInt64
        package internal(set) var recordCount: UInt64 = 0
        package internal(set) var isSealed = false
    }

    package struct SnapshotSummary: Equatable, Sendable {
        package let name: String
        package let header: SnapshotHeader
        /// The number of valid records, from the first on.
        package internal(set) var recordCount: UInt64 = 0
    }

    package struct Finding: Equatable, Sendable {
        /// Whether it prevents a server from starting; otherwise it is a note.
        package let isDamage: Bool
        package let file: String
        package let offset: UInt64
        package let sentence: String
    }

    /// The number of findings above which more are only counted.
    package static let findingCountMax = 1_000

    private let schema: JournalSchema
    /// The newest snapshot; nil if the journal was never compacted or if no snapshot has a valid header.
    package private(set) var snapshot: SnapshotSummary?
    /// The segments that the snapshot does not cover.
    package private(set) var segments: [SegmentSummary] = []
    package private(set) var findings: [Finding] = []
    package private(set) var omittedFindingCount = 0
    package private(set) var recordCounts: [JournalRecord.Kind: UInt64] = [:]
    package private(set) var lastSeq: UInt64 = 0
    /// Milliseconds since 1970; nil if there is no record.
    package private(set) var firstTime: UnixMilliseconds?
    package private(set) var lastTime: UnixMilliseconds?

    package var isDamaged: Bool { findings.contains(where: \.isDamage) }

    /// Reads the whole journal.
    ///
    /// - Parameter body: receives every valid record with its file and offset, in order.
    /// - Throws: `.io` if the directory or a file cannot be read. Damage is a finding, not an error.
    package init(
        _ storage: any JournalSource, _ schema: JournalSchema,
        _ body: (JournalRecord, String, UInt64) -> Void = { _, _, _ in }
    ) throws(JournalError) {
        self.schema = schema
        try readSnapshot(storage, body)
        let chain = try readHeaders(storage)
        for (index, segment) in chain.enumerated() {
            let next = index + 1 < chain.count ? chain[index + 1].header : nil
            try readRecords(of: segment, before: next, in: storage, body)
        }
    }

    private mutating func readSnapshot(
        _ storage: any JournalSource, _ body: (JournalRecord, String, UInt64) -> Void
    ) throws(JournalError) {
        for name in try storage.names().compactMap({ SnapshotName($0) }).sorted(by: { $0.number > $1.number }) {
            do throws(JournalError) {
                let found = try Snapshot(name.text, number: name.number, schema.kinds, in: storage)
                snapshot = SnapshotSummary(name: name.text, header: found.header)
                lastSeq = found.header.lastSeq
                lastTime = found.header.lastTime
                var cursor = SnapshotCursor(found)
                while true {
                    let offset = cursor.offset
                    guard let record = try cursor.next(in: storage) else { return }
                    snapshot?.recordCount &+= 1
                    recordCounts[record.kind, default: 0] &+= 1
                    firstTime = min(firstTime ?? record.time, record.time)
                    body(record, name.text, offset)
                }
            } catch {
                if case .io = error { throw error }
                note(error)
                if snapshot != nil { return }
            }
        }
    }

    private mutating func readHeaders(_ storage: any JournalSource) throws(JournalError) -> [Segment] {
        var chain: [Segment] = []
        let covered = snapshot?.header.number ?? 0
        for name in try storage.names().compactMap({ SegmentName($0) }).sorted(by: { $0.number < $1.number })
        where snapshot == nil || name.number > covered {
            let bytes = try storage.read(name.text, at: 0, count: SegmentHeader.byteCount)
            let byteCount = try storage.byteCount(of: name.text)
            do throws(JournalError) {
                let header = try SegmentHeader(bytes, name: name)
                let before = chain.last?.header
                chain.append(Segment(header: header, byteCount: byteCount, kinds: schema.kinds))
                if let before {
                    try SegmentChain.check(header, follows: before)
                } else {
                    try SegmentChain.check(header, follows: snapshot?.header)
                }
            } catch {
                note(error)
            }
        }
        return chain
    }

    private mutating func readRecords(
        of segment: Segment, before next: SegmentHeader?, in storage: any JournalSource,
        _ body: (JournalRecord, String, UInt64) -> Void
    ) throws(JournalError) {
        var summary = SegmentSummary(name: segment.name, header: segment.header, byteCount: segment.byteCount)
        var checksum: UInt32 = 0
        var cursor = SegmentCursor(segment)
        while next.map({ cursor.seq <= $0.previousLastSeq }) ?? true {
            let seq = cursor.seq
            let offset = segment.offset(of: seq)
            guard let slot = try cursor.next(in: storage) else {
                if next != nil { note(damage(segment, offset, "record \(seq) expected, the file ends")) }
                break
            }
            switch slot {
            case .record(let record, _, let found):
                checksum = found
                count(record, in: &summary)
                body(record, segment.name, offset)
            case .zero where next != nil: note(damage(segment, offset, "a record expected, zeros found"))
            case .bad(let sentence) where next != nil: note(damage(segment, offset, sentence))
            case .unknownKind(let kind):
                note(.unsupported(file: segment.name, offset: offset, what: "a record of kind \(kind)"))
            // The scan of the tail decides what these mean at the end of the journal.
            case .zero, .bad: break
            }
        }
        segments.append(summary)
        if let next {
            if next.previousChecksum != checksum {
                let offset = segment.offset(of: next.previousLastSeq)
                note(damage(segment, offset, "segment \(next.number) follows another last record"))
            }
        } else {
            try readTail(of: segment, in: storage)
        }
    }

    private mutating func readTail(of segment: Segment, in storage: any JournalSource) throws(JournalError) {
        do throws(JournalError) {
            guard let torn = try TailRecovery(segment, in: storage, isSafeAlone: schema.isSafeAlone).torn else {
                return
            }
            let sentence =
                "\(torn.upperBound &- torn.lowerBound) bytes were never acknowledged; the next start drops them"
            add(Finding(isDamage: false, file: segment.name, offset: torn.lowerBound, sentence: sentence))
        } catch {
            if case .io = error { throw error }
            note(error)
        }
    }

    private mutating func count(_ record: JournalRecord, in summary: inout SegmentSummary) {
        summary.recordCount &+= 1
        summary.isSealed = record.kind == .seal
        recordCounts[record.kind, default: 0] &+= 1
        lastSeq = max(lastSeq, record.seq)
        firstTime = firstTime ?? record.time
        lastTime = max(lastTime ?? record.time, record.time)
    }

    private func damage(_ segment: Segment, _ offset: UInt64, _ expectation: String) -> JournalError {
        .corrupt(file: segment.name, offset: offset, expectation: expectation)
    }

    private mutating func note(_ fault: JournalError) {
        switch fault {
        case .corrupt(let file, let offset, let expectation):
            add(Finding(isDamage: true, file: file, offset: offset, sentence: expectation))
        case .unsupported(let file, let offset, let what):
            add(Finding(isDamage: true, file: file, offset: offset, sentence: "\(what) is unknown to this version"))
        case .locked(let path), .io(_, _, let path), .replaced(let path), .contested(let path):
            add(Finding(isDamage: true, file: path, offset: 0, sentence: fault.description))
        case .unwritable, .closed, .rolledBack, .otherUse, .unavailable:
            add(Finding(isDamage: true, file: "", offset: 0, sentence: fault.description))
        }
    }

    private mutating func add(_ finding: Finding) {
        guard !findings.contains(finding) else { return }
        if findings.count < Self.findingCountMax { findings.append(finding) } else { omittedFindingCount += 1 }
    }
}
