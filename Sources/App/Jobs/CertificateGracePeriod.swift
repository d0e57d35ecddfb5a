/// Decides when a mismatch of certificate and key is an error. A renewal writes the two files one after the other,
/// so a mismatch is expected for a short time. Meanwhile the old certificate stays in use.
///
/// Times are milliseconds of a monotonic clock.
struct CertificateGracePeriod {
    /// How long after the last change the other file may follow.
    static let milliseconds: Int64 = 30_000

    private var changedAt: Int64?
    private(set) var isWaiting = false

    mutating func changed(at now: Int64) {
        changedAt = now
        isWaiting = false
    }

    /// Records that the files are unusable at the moment.
    ///
    /// - Returns: whether a further change is expected.
    mutating func waits(at now: Int64) -> Bool {
        isWaiting = changedAt.map { now - $0 < Self.milliseconds } ?? false
        return isWaiting
    }

    /// Whether the files have been unchanged for the whole grace period.
    func isOver(at now: Int64) -> Bool {
        guard isWaiting, let changedAt else { return false }
        return now - changedAt >= Self.milliseconds
    }

    mutating func succeeded() {
        isWaiting = false
    }
}
