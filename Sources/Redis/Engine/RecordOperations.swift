internal import Journal
internal import Platform
internal import Revocation
internal import Encoding

/// The arguments of the script `record` for some records.
///
/// ```
/// L record                                    only the log
/// R record value                              a revoked token; key: j
/// D record value                              a revoked session; keys: d, e, x
/// C record value                              a revoke-before time; key: c
/// K record value                              an exemption; key: k
/// E records time-and-seq expires              an entry of a session; keys: e, d
/// S record value again record value            a rotation, and the revocation that ends a fork; keys: s, d, e, x
/// ```
///
/// A record that a node tells has its own number and time, in the record and in the value. `again` is `1` for a rotation that
/// may have been recorded before with another time.
struct RecordOperations {
    let names: KeyNames
    /// Whether a node tells the engine what it may lack; the records then have numbers and times.
    let isTold: Bool
    private(set) var keys: [String] = []
    private(set) var arguments: [[UInt8]] = []
    /// How many records were added since the last ``removeAll()``.
    private(set) var count = 0

    init(_ names: KeyNames, isTold: Bool = false) {
        self.names = names
        self.isTold = isTold
    }

    mutating func removeAll() {
        keys.removeAll(keepingCapacity: true)
        arguments.removeAll(keepingCapacity: true)
        count = 0
    }

    /// Adds the record at `index`, with those that belong to it.
    ///
    /// - Returns: the index after them.
    mutating func add(_ records: [JournalRecord], at index: Int) -> Int {
        let record = records[index]
        count += 1
        if record.kind == .sessionEntry { return addEntry(records, at: index) }
        switch RevocationCodec.event(record) {
        case .tokenRevoked(let jti, _, _, _): add("R", record, [names.key(.token, jti)])
        case .sessionRevoked(let sid, _, _), .sessionDisplaced(let sid, _):
            add("D", record, [names.key(.session, sid), names.key(.entry, sid), names.key(.data, sid)])
        case .revokedBefore(_, let kind, let key, _, _): add("C", record, [names.cut(kind.rawValue, key)])
        case .exempted(let sid, _, _, _): add("K", record, [names.key(.exemption, sid)])
        case .rotated(let sid, _, _, let sessionEnd): addRotation(record, of: sid, sessionEnd: sessionEnd)
        case .sessionOpened, .sessionListed, .epochBegan, .processStarted, nil: addLogged(record)
        }
        return index + 1
    }

    private mutating func add(_ operation: String, _ record: JournalRecord, _ keys: [String]) {
        self.keys += keys
        arguments += [Array(operation.utf8), bytes(record), value(record)]
    }

    private mutating func addLogged(_ record: JournalRecord) {
        // Nothing that lives depends on such a record.
        guard !isTold else { return }
        arguments += [Array("L".utf8), bytes(record)]
    }

    private mutating func addRotation(_ record: JournalRecord, of sid: UUID, sessionEnd: UnixMilliseconds) {
        add(
            "S", isTold ? RevocationCodec.again(record) : record,
            [names.key(.rotation, sid), names.key(.session, sid), names.key(.entry, sid), names.key(.data, sid)])
        let reason = RevocationReason.refreshReused.rawValue
        let end = RevocationCodec.record(.sessionRevoked(sid: sid, expires: sessionEnd, reason: reason))
        arguments += [Array((RevocationCodec.isAgain(record) ? "1" : "0").utf8), [], []]
        end.writePortable(seq: 0, time: 0, to: &arguments[arguments.count - 2])
        arguments[arguments.count - 1] = StoredRecord.fixed(end)
    }

    private mutating func addEntry(_ records: [JournalRecord], at index: Int) -> Int {
        let first = records[index]
        let count = Int(first.flags >> 4) + 1
        let isWhole =
            first.flags & 0x0f == 0 && count > 1 && index + count <= records.count
            && (1..<count).allSatisfy {
                let record = records[index + $0]
                return record.kind == .sessionEntry && record.flags == UInt8(truncatingIfNeeded: $0) | first.flags
                    && record.reason == first.reason
            }
        guard isWhole else {
            addLogged(first)
            return index + 1
        }
        keys += [names.key(.entry, first.key), names.key(.session, first.key)]
        var placed: [UInt8] = []
        if isTold {
            placed.append(little: UInt64(bitPattern: first.time.count))
            placed.append(little: first.seq)
        }
        let content = records[index..<(index + count)].flatMap(bytes)
        arguments += [Array("E".utf8), content, placed, Array(String(first.expires.count).utf8)]
        return index + count
    }

    private func bytes(_ record: JournalRecord) -> [UInt8] {
        var bytes: [UInt8] = []
        record.writePortable(seq: isTold ? record.seq : 0, time: isTold ? record.time : 0, to: &bytes)
        return bytes
    }

    private func value(_ record: JournalRecord) -> [UInt8] {
        isTold ? StoredRecord.placed(record) : StoredRecord.fixed(record)
    }
}
