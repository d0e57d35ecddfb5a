internal import Encoding
import Platform

/// What says which revoke-before times came before something began.
struct Birth: Sendable {
    /// The high half of the session's id, or of the time of issue for a token without a session.
    let id: UInt64
    /// The number of the last record that the issuer knew; nil where only ids are compared.
    let seq: UInt64?

    init(id: UInt64, seq: UInt64? = nil) {
        self.id = id
        self.seq = seq
    }
}

/// One revoke-before time as memory has it.
struct Cut: Sendable {
    let kind: RevokeBeforeKind
    /// The latest value of all, for what has only an id.
    private(set) var value: UInt64
    var expires: UnixMilliseconds
    /// The number of the last record of it; 0 before it is durable.
    private(set) var seq: UInt64 = 0
    /// The value of that record. The same one may be recorded again, by another process or after a failure.
    private var recordedValue: UInt64 = 0
    /// The latest value of those that are not durable, and how many they are.
    private(set) var pendingValue: UInt64 = 0
    private var pendingCount = 0

    init(_ kind: RevokeBeforeKind, expires: UnixMilliseconds) {
        self.kind = kind
        self.expires = expires
        value = 0
    }

    /// Adds one that is not durable yet.
    mutating func add(_ cut: RevokeBefore) {
        merge(cut)
        pendingValue = max(pendingValue, cut.value)
        pendingCount += 1
    }

    /// Notes that one that was added is durable.
    mutating func settle(_ cut: RevokeBefore, seq number: UInt64) {
        record(cut, seq: number)
        pendingCount = max(0, pendingCount - 1)
        if pendingCount == 0 { pendingValue = 0 }
    }

    /// Adds one from the ledger.
    mutating func record(_ cut: RevokeBefore, seq number: UInt64) {
        merge(cut)
        // It is the one that was not durable yet, even if this process was told that it could not be recorded.
        if cut.value == pendingValue { pendingValue = 0 }
        if cut.value == recordedValue, seq != 0 {
            seq = min(seq, number)
        } else if number > seq {
            (seq, recordedValue) = (number, cut.value)
        }
    }

    private mutating func merge(_ cut: RevokeBefore) {
        value = max(value, cut.value)
        expires = max(expires, cut.expires)
    }

    /// Returns whether something ends that began with `birth`.
    func ends(_ birth: Birth, exempted: Exemption?) -> Bool {
        if kind == .key { return true }
        guard let born = birth.seq else {
            return birth.id < value && exempted.map { $0.value < value } ?? true
        }
        if born < seq, exempted.map({ $0.seq < seq }) ?? true { return true }
        return birth.id < pendingValue && exempted.map { $0.value < pendingValue } ?? true
    }
}

/// Up to which revoke-before times of one kind a session is exempt.
struct Exemption: Sendable {
    var value: UInt64
    var expires: UnixMilliseconds
    /// The number of the record of that revoke-before time; 0 before it is durable.
    var seq: UInt64
}
