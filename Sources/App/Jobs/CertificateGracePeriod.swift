/// Decides when a certificate and a key that do not fit each other are a mistake. A renewal writes them one after the other,
/// so at first they are only unfinished; the old pair serves meanwhile.
///
/// Times are milliseconds of a clock that only goes forward.
struct CertificateGracePeriod {
    /// How long after the last change the other file may take.
    static let milliseconds: Int64 = 30_000

    private var changedAt: Int64?
    private(set) var isWaiting = false

    mutating func changed(at now: Int64) {
        changedAt = now
        isWaiting = false
    }

    /// Notes that the files cannot be used as they are.
    ///
    /// - Returns: whether more is to be expected.
    mutating func waits(at now: Int64) -> Bool {
        isWaiting = changedAt.map { now - $0 < Self.milliseconds } ?? false
        return isWaiting
    }

    /// Whether the files have not changed for so long that they count as they are.
    func isOver(at now: Int64) -> Bool {
        guard isWaiting, let changedAt else { return false }
        return now - changedAt >= Self.milliseconds
    }

    mutating func succeeded() {
        isWaiting = false
    }
}
