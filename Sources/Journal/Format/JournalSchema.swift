/// What the owner of a journal knows about its records and the journal does not.
package struct JournalSchema: Sendable {
    let kinds: RecordKinds
    /// Whether a valid record may be applied although records before it were lost.
    let isSafeAlone: @Sendable (JournalRecord) -> Bool

    /// - Parameters:
    ///   - kinds: every kind that the owner writes, below 64. A record of another kind is an error.
    ///   - isSafeAlone: whether the record may be applied although records before it were lost and it was never
    ///     acknowledged.
    package init(kinds: [JournalRecord.Kind], isSafeAlone: @escaping @Sendable (JournalRecord) -> Bool) {
        self.kinds = RecordKinds(kinds)
        self.isSafeAlone = isSafeAlone
    }
}

/// The kinds of record that a journal may contain: those of its owner, and its own.
struct RecordKinds: Equatable, Sendable {
    private let bits: UInt64

    init(_ kinds: [JournalRecord.Kind]) {
        var bits: UInt64 = 0
        for kind in kinds + [.open, .seal] {
            precondition(kind.rawValue < 64, "kinds are numbers below 64")
            bits |= 1 << UInt64(kind.rawValue)
        }
        self.bits = bits
    }

    @inline(__always)
    func contains(_ number: UInt8) -> Bool { number < 64 && bits >> UInt64(number) & 1 == 1 }
}
