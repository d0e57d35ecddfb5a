import HTTP

/// The unfinished batches of one event loop.
///
/// They take turns. However many there are, the event loop serves its connections after each slice of one of them.
struct BatchQueue {
    private var runs: [UInt64: BatchRun] = [:]
    /// The batches that can continue, by identifier, in the order of their turns. The others wait for their client to
    /// read. One that has been removed may still be in the list.
    private var turns: [UInt64] = []
    private var lastID: UInt64 = 0
    /// Whether the event loop will call ``Application/continueBatches()``.
    private var isScheduled = false

    var isEmpty: Bool { runs.isEmpty }

    /// Adds a batch.
    ///
    /// - Returns: the identifier for the other functions.
    mutating func add(_ run: BatchRun) -> UInt64 {
        lastID += 1
        runs[lastID] = run
        return lastID
    }

    /// Lets a batch have another turn, unless it has been removed.
    mutating func requeue(_ id: UInt64) {
        guard let run = runs[id] else { return }
        turns.append(id)
        schedule(run)
    }

    mutating func remove(_ id: UInt64) {
        runs.removeValue(forKey: id)
    }

    /// The next batch to work on.
    mutating func next() -> (id: UInt64, run: BatchRun)? {
        isScheduled = false
        while !turns.isEmpty {
            let id = turns.removeFirst()
            guard let run = runs[id] else { continue }
            return (id, run)
        }
        return nil
    }

    /// Schedules the next turn if a batch can continue.
    mutating func scheduleNext() {
        guard let id = turns.first(where: { runs[$0] != nil }), let run = runs[id] else { return turns.removeAll() }
        schedule(run)
    }

    private mutating func schedule(_ run: BatchRun) {
        guard !isScheduled else { return }
        isScheduled = true
        run.exchange.performInApplication { $0.continueBatches() }
    }
}
