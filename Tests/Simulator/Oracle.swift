import Encoding
import Platform
import Revocation

/// How far a change that was asked for is known to have got.
enum Fate {
    /// Waits for its answer.
    case pending
    /// Was promised, or was found after a restart.
    case kept
    /// Failed, or its process died: the next restart finds it, or does not.
    case unsure
    /// Failed, and the journal went on without it: it must never come back.
    case void
}

/// What the simulation knows of one refusal.
struct Refusal {
    var fate = Fate.pending
    /// Counts in the memory of the process that was asked, whatever becomes of the record.
    var isInMemory = true
    /// Whether records that were asked for together with it may be durable without it, or the other way round: if some of
    /// them fail, the first may be there.
    var isOneOfMany = false
    /// Of the first promise; for what a start found, of the last record of which that start can say it.
    var seq: UInt64 = 0

    /// Nil if both answers are right.
    var isExpected: Bool? {
        if isInMemory || fate == .kept { return true }
        return fate == .void ? false : nil
    }

    /// A restart looked: what it found stays, and what it did not find stays away.
    ///
    /// - Parameter seq: of the last record that may stand for it now.
    mutating func settle(found: Bool, seq: UInt64) {
        if fate != .kept {
            fate = found ? .kept : .void
            self.seq = seq
        }
        isInMemory = found
    }
}

struct SimulatedToken {
    let jti: UUID
    let expires: UnixMilliseconds
    var refusal: Refusal?
}

struct SimulatedSession {
    struct Rotation: Equatable {
        var generation: UInt32
        var request: UInt32
        var at: UnixMilliseconds
    }

    let sid: UUID
    let subject: Int
    let client: Int
    /// Absolute end.
    let end: UnixMilliseconds
    /// In the order of logins and cuts.
    let order: Int
    /// Whether the journal promised to know of the id.
    var isNoted = false
    /// How far its entry in the list of sessions has got, and the seq of that promise.
    var entry = Fate.pending
    var entrySeq: UInt64 = 0
    /// Whether a start could not tell what became of its entry, because its end had passed by the clock of that start.
    var isHiddenSinceStart = false
    /// Whether its entry may have been removed: it had been unused for too long by a clock that was set back afterwards, so
    /// that it can be used again.
    var isForgettable = false
    /// Whether other sessions end with its login, so that its entry may be durable although the login failed.
    var displacesOthers = false
    /// Whether the client was told that it has the session.
    var isAnswered = false
    var settled = Rotation(generation: 0, request: 0, at: 0)
    /// Of the promise of `settled`.
    var seq: UInt64 = 0
    /// Being written.
    var pending: Rotation?
    /// Failed, or its process died; found after a restart, or not.
    var unsure: Rotation?
    var refusal: Refusal?
    /// Order of the last cut of a kind that the session lives through.
    var spared: [RevokeBeforeKind: Int] = [:]
}

struct SimulatedCut {
    let kind: RevokeBeforeKind
    /// Number of the subject or client; 0 for all.
    let name: Int
    let order: Int
    /// An identifier made right before: it is cut, and by no earlier cut.
    let probe: UUID
    let expires: UnixMilliseconds
    var refusal = Refusal()
}

/// What a plain reading of the promises says about time: until when a refusal must be remembered.
///
/// A time has passed for certain when the slowest clock that the process has seen in its life says so, and it has lived
/// for an hour. Whatever has expired by then may be forgotten.
struct Certainty {
    private(set) var passed = UnixMilliseconds.distantPast
    private var started: Int64
    private var slowest: Int64

    /// - Parameters:
    ///   - truth: milliseconds of the clock that nobody sets.
    ///   - offset: what the wall clock is ahead of it.
    init(truth: Int64, offset: Int64) {
        started = truth
        slowest = offset
    }

    mutating func restart(truth: Int64, offset: Int64) {
        started = truth
        slowest = offset
    }

    mutating func observe(truth: Int64, offset: Int64) {
        slowest = min(slowest, offset)
        if truth - started >= 3_600_000 { passed = max(passed, UnixMilliseconds(truth + slowest)) }
    }
}

/// A promise that was broken.
struct Violation: Error, CustomStringConvertible {
    let description: String
}
