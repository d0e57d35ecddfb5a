/// How many steps a batch for an engine waits for, so that batches grow while many clients wait.
///
/// A durable write costs the same for one record as for many. While the last batches had several records, the thread waits
/// a moment for a few more. If they do not come, fewer clients are waiting than it expected, and it stops growing for a
/// while. Commits of one record, as of a single client, are never delayed.
struct BatchGoal: Sendable {
    /// The longest wait, in nanoseconds: about as long as a durable write.
    static let waitMax: Int64 = 100_000
    /// More records do not make a commit cheaper for each of them.
    static let countMax = 32
    /// The size of a batch below which the next one does not wait.
    static let countMin = 4
    /// How many commits follow a wait in vain before the next attempt to grow.
    static let restCount = 32

    /// The number of records that the next commit waits for; 1 if it does not wait.
    private(set) var count = 1
    private var rest = 0

    init() {}

    /// Records the size of a batch.
    ///
    /// - Parameter isLate: whether the writer waited for more in vain.
    mutating func learn(_ batchCount: Int, isLate: Bool) {
        guard batchCount >= Self.countMin else { return count = 1 }
        if isLate {
            rest = Self.restCount
        } else if rest > 0 {
            rest -= 1
        }
        let grown = rest > 0 ? batchCount : batchCount + max(1, batchCount / 4)
        count = min(grown, Self.countMax)
    }
}
