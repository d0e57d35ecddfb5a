import Revocation

/// Decides what a follower asks next, and what the result of a request means. It does no I/O and reads no clock.
///
/// A follower never skips a record: after a fault it asks again for what follows its position, or it reads a snapshot.
struct FollowMachine: Sendable {
    /// With several sources, one that is behind may only be late. After this many milliseconds without another result
    /// the sources count as restored from an older copy.
    static let patience: Int64 = 5_000

    enum Request: Equatable, Sendable {
        case snapshot
        case records(after: LedgerPosition)
    }

    /// What a snapshot means for the copy that there was.
    enum SnapshotUse: Equatable, Sendable {
        /// It contains everything of the copy up to its own position that still matters.
        case continuation
        /// The source has another history: revocations of the copy may be missing in it, and must be kept.
        case reset
    }

    private(set) var position: LedgerPosition?
    /// The index of the source to ask.
    private(set) var source = 0
    private(set) var condition = FollowedFeed.Condition.away
    private let sourceCount: Int
    private var needsSnapshot: Bool
    /// Whether the snapshot is wanted only for the files, so that the records can be followed without it.
    private var isOptional = false
    private var isReset = false
    private var behindSince: Int64?
    /// Whether a snapshot was read, and no records since.
    private var isRightAfterSnapshot = false
    /// Whether the last result left nothing more to read. Until then the source is asked to answer at once, because the
    /// copy is not known to be current.
    private(set) var isCurrent = false
    private var pauses = BackOff()

    init(sourceCount: Int, position: LedgerPosition?) {
        self.sourceCount = sourceCount
        self.position = position
        needsSnapshot = position == nil
    }

    var request: Request {
        guard let position, !needsSnapshot else { return .snapshot }
        return .records(after: position)
    }

    /// Asks for a snapshot next, without giving up the position. If it cannot be read, the records are followed again.
    mutating func wantSnapshot() {
        guard !needsSnapshot else { return }
        (needsSnapshot, isOptional) = (true, true)
    }

    mutating func took(_ batch: FeedBatch) {
        position = batch.position
        isRightAfterSnapshot = false
        isCurrent = batch.isComplete
        succeed()
    }

    mutating func took(snapshotAt snapshot: LedgerPosition) -> SnapshotUse {
        let isOther = position.map { $0.epoch != snapshot.epoch } ?? false
        let use: SnapshotUse = isReset || isOther ? .reset : .continuation
        if use == .reset || position.map({ $0 < snapshot }) ?? true { position = snapshot }
        (needsSnapshot, isOptional, isReset, isRightAfterSnapshot) = (false, false, false, true)
        isCurrent = false
        succeed()
        return use
    }

    private mutating func succeed() {
        condition = .following
        behindSince = nil
        pauses.reset()
    }

    /// - Parameters:
    ///   - now: milliseconds of a clock that cannot be set.
    ///   - random: decides the length of the pause.
    /// - Returns: how many milliseconds to wait before the next request.
    mutating func failed(_ fault: FollowFault, at now: Int64, random: UInt64) -> Int64 {
        if isOptional { (needsSnapshot, isOptional) = (false, false) }
        isCurrent = false
        switch fault {
        case .gone:
            // If the snapshot is too old as well, the source makes a newer one in a while.
            let isRepeated = isRightAfterSnapshot
            needsSnapshot = true
            if !isRepeated { return 0 }
            condition = .away
        case .ahead, .unknownEpoch:
            let since = behindSince ?? now
            behindSince = since
            if sourceCount == 1 || now &- since >= Self.patience {
                let isRepeated = isRightAfterSnapshot
                (needsSnapshot, isReset) = (true, true)
                if !isRepeated { return 0 }
            }
            condition = .away
            nextSource()
        default:
            condition = fault.isDamage ? .damaged : .away
            nextSource()
        }
        return pauses.next(random)
    }

    private mutating func nextSource() { source = (source + 1) % max(1, sourceCount) }
}
