internal import Encoding
package import Journal
internal import Platform

/// Converts events to records of the journal and back: the only place that knows which record means what.
package enum RevocationCodec {
    /// What the journal must know of the records.
    package static let schema = JournalSchema(
        kinds: kinds,
        isSafeAlone: { record in
            switch record.kind {
            case .revokeToken, .revokeSession, .cut: record.flags & dependentFlag == 0
            default: false
            }
        })

    /// The kinds of record in the order of their numbers, including the two of the journal itself.
    package static let allKinds = (kinds + [.open, .seal]).sorted { $0.rawValue < $1.rawValue }

    /// Returns the name of a kind, for operators and scripts.
    package static func name(of kind: JournalRecord.Kind) -> String {
        switch kind {
        case .revokeToken: "REVOKE_JTI"
        case .revokeSession: "REVOKE_SID"
        case .rotate: "ROTATE"
        case .cut: "CUT"
        case .open: "OPEN"
        case .seal: "SEAL"
        case .session: "SESSION"
        case .sessionEntry: "SESSION_ENTRY"
        case .epoch: "EPOCH"
        default: "\(kind.rawValue)"
        }
    }

    /// Returns the record in the form of a snapshot, which is either complete or not used.
    package static func independent(_ record: JournalRecord) -> JournalRecord {
        var record = record
        record.flags &= ~dependentFlag
        return record
    }

    /// Returns the SESSION record that replaces an entry that is no longer needed.
    static func opening(ofEntry first: JournalRecord) -> JournalRecord {
        var record = first
        record.kind = .session
        record.expires = first.key.milliseconds
        (record.flags, record.reason, record.value) = (0, 0, 0)
        return record
    }

    /// Whether a record is of a kind that processes write to a store that they share, and complete in itself.
    package static func isShared(_ record: JournalRecord) -> Bool {
        switch record.kind {
        case .revokeToken, .revokeSession, .rotate, .session, .sessionEntry: true
        case .cut: event(record) != nil
        default: false
        }
    }

    /// Returns a ROTATE record as it is written for a rotation that may be recorded already: by a repetition, or when
    /// a node sends a store what that may lack.
    package static func again(_ record: JournalRecord) -> JournalRecord {
        guard record.kind == .rotate else { return record }
        var record = record
        record.flags |= againFlag
        return record
    }

    /// Whether a ROTATE record is of that form. Its time shows no other use of the token.
    package static func isAgain(_ record: JournalRecord) -> Bool {
        record.kind == .rotate && record.flags & againFlag != 0
    }

    /// Whether a record belongs to the one before it: to the exemption of its revoke-before time, to the session that
    /// displaced another one, or to the same entry.
    package static func continues(_ record: JournalRecord) -> Bool {
        switch record.kind {
        case .cut, .revokeSession: record.flags & dependentFlag != 0
        case .sessionEntry: record.flags & 0x0f != 0
        default: false
        }
    }

    /// Whether the record contains what identifies a person: from where and with which device a user signed in.
    package static func isPersonal(_ record: JournalRecord) -> Bool {
        record.kind == .sessionEntry && record.flags & 0x0f != 0
    }

    private static let kinds: [JournalRecord.Kind] = [
        .revokeToken, .revokeSession, .rotate, .cut, .session, .sessionEntry, .epoch,
    ]

    /// Bits of `flags` of a CUT: an exemption; valid only together with the records before it, as a REVOKE_SID may be
    /// too.
    private static let exemptionFlag: UInt8 = 1
    private static let dependentFlag: UInt8 = 8
    /// A bit of `flags` of a REVOKE_JTI.
    private static let anyEndFlag: UInt8 = 1
    /// A bit of `flags` of a ROTATE: the same rotation may be recorded before it, with another time.
    private static let againFlag: UInt8 = 1

    /// Returns the event of a record.
    ///
    /// - Returns: nil for a SEAL, for a part of an entry, which ``SessionEntryAssembly`` joins, and for a CUT of an
    ///   unknown kind: a later version would have changed the format.
    package static func event(_ record: JournalRecord) -> RevocationEvent? {
        switch record.kind {
        case .revokeToken:
            .tokenRevoked(
                jti: record.key, expires: record.expires, isOfAnyEnd: record.flags & anyEndFlag != 0,
                reason: record.reason)
        case .revokeSession: .sessionRevoked(sid: record.key, expires: record.expires, reason: record.reason)
        case .rotate:
            .rotated(
                sid: record.key, generation: UInt32(truncatingIfNeeded: record.value),
                request: UInt32(truncatingIfNeeded: record.value >> 32), sessionEnd: record.expires)
        case .cut: revokedBefore(record)
        case .session: .sessionOpened(sid: record.key)
        case .epoch:
            .epochBegan(epoch: UInt32(truncatingIfNeeded: record.key.low), offset: record.value)
        case .open: .processStarted(LifetimeNote(OpeningNote(record)))
        default: nil
        }
    }

    /// Returns the event that a record is or completes, for a reader of all records in order.
    static func event(_ record: JournalRecord, _ assembly: inout SessionEntryAssembly) -> RevocationEvent? {
        if record.kind == .sessionEntry { return assembly.take(record).map(RevocationEvent.sessionListed) }
        return event(record)
    }

    private static func revokedBefore(_ record: JournalRecord) -> RevocationEvent? {
        guard let kind = RevokeBeforeKind(rawValue: record.flags >> 4) else { return nil }
        let cut = RevokeBefore(value: record.value, expires: record.expires)
        return record.flags & exemptionFlag != 0
            ? .exempted(sid: record.key, cut, kind, reason: record.reason)
            : .revokedBefore(
                cut, kind, key: record.key, exemptsOne: record.flags & dependentFlag != 0, reason: record.reason)
    }

    /// Returns the records of an event.
    package static func records(_ event: RevocationEvent) -> [JournalRecord] {
        guard case .sessionListed(let entry) = event else { return [record(event)] }
        return SessionEntryCodec.records(entry)
    }

    /// Returns the record of an event.
    ///
    /// - Parameter event: not `processStarted`, which the journal writes itself, with an ``OpeningNote``, and not
    ///   `sessionListed`, which has several records.
    package static func record(_ event: RevocationEvent) -> JournalRecord {
        switch event {
        case .tokenRevoked(let jti, let expires, let isOfAnyEnd, let reason):
            JournalRecord(
                .revokeToken, key: jti, expires: expires, flags: isOfAnyEnd ? anyEndFlag : 0, reason: reason)
        case .sessionRevoked(let sid, let expires, let reason):
            JournalRecord(.revokeSession, key: sid, expires: expires, reason: reason)
        case .sessionDisplaced(let sid, let expires):
            JournalRecord(
                .revokeSession, key: sid, expires: expires, flags: dependentFlag,
                reason: RevocationReason.sessionLimit.rawValue)
        case .rotated(let sid, let generation, let request, let sessionEnd):
            JournalRecord(
                .rotate, key: sid, expires: sessionEnd, value: UInt64(generation) | UInt64(request) << 32)
        case .revokedBefore(let cut, let kind, let key, let exemptsOne, let reason):
            JournalRecord(
                .cut, key: key, expires: cut.expires, value: cut.value,
                flags: kind.rawValue << 4 | (exemptsOne ? dependentFlag : 0), reason: reason)
        case .exempted(let sid, let cut, let kind, let reason):
            JournalRecord(
                .cut, key: sid, expires: cut.expires, value: cut.value, flags: kind.rawValue << 4 | exemptionFlag,
                reason: reason)
        case .sessionOpened(let sid): JournalRecord(.session, key: sid, expires: sid.milliseconds)
        case .epochBegan(let epoch, let offset):
            JournalRecord(
                .epoch, key: UUID(high: 0, low: UInt64(epoch)), expires: .distantFuture, value: offset)
        case .processStarted: preconditionFailure("the journal writes its OPEN records itself")
        case .sessionListed: preconditionFailure("an entry has several records")
        }
    }
}

extension JournalRecord.Kind {
    package static let revokeToken = JournalRecord.Kind(rawValue: 1)
    package static let revokeSession = JournalRecord.Kind(rawValue: 2)
    package static let rotate = JournalRecord.Kind(rawValue: 3)
    package static let cut = JournalRecord.Kind(rawValue: 4)
    /// It is written only where the time of the journal would otherwise fall behind session ids.
    package static let session = JournalRecord.Kind(rawValue: 7)
    /// A part of a ``SessionEntry``.
    package static let sessionEntry = JournalRecord.Kind(rawValue: 8)
    /// It is written only when an operator accepts a journal that lacks records.
    package static let epoch = JournalRecord.Kind(rawValue: 9)
}

extension LifetimeNote {
    init(_ note: OpeningNote) {
        self.init(hours: note.number, olderEnd: note.time)
    }
}

extension OpeningNote {
    init(_ note: LifetimeNote) {
        self.init(time: note.olderEnd, number: note.hours)
    }
}
