internal import App
internal import Glibc
internal import Synchronization

/// Shows how far a long command is: one line on standard error, rewritten in place, and only if that is a terminal.
final class ProgressLine: Sendable {
    /// Five updates a second.
    private static let intervalNanoseconds: Int64 = 200_000_000

    private struct State {
        var label = ""
        /// Bytes or pieces of work.
        var doneCount: UInt64 = 0
        var totalCount: UInt64 = 0
        var countsBytes = true
        var shownAt: Int64?
        /// The number of characters in the line; 0 if none is shown.
        var width = 0
    }

    private let state = Mutex(State())
    private let isShown: Bool
    private let now: @Sendable () -> Int64
    private let output: @Sendable (String) -> Void

    /// - Parameters:
    ///   - isShown: whether anything is written at all.
    ///   - now: a monotonic clock in nanoseconds.
    init(isShown: Bool, now: @escaping @Sendable () -> Int64, output: @escaping @Sendable (String) -> Void) {
        self.isShown = isShown
        self.now = now
        self.output = output
    }

    /// A line for a command whose results go to standard output.
    ///
    /// - Parameter listsRecords: whether the command writes results while it reads. On a terminal they would run into
    ///   the line.
    convenience init(listsRecords: Bool = false) {
        let isFree = !listsRecords || isatty(STDOUT_FILENO) == 0
        self.init(
            isShown: isFree && isatty(STDERR_FILENO) == 1, now: { MonotonicClock.nanoseconds() },
            output: { Terminal.writeError($0) })
    }

    /// Starts a step of the command.
    ///
    /// - Parameters:
    ///   - label: what the step does, such as `reading`.
    ///   - totalByteCount: the number of bytes that it reads, at most.
    func begin(_ label: String, totalByteCount: UInt64) {
        begin(label, totalByteCount, countsBytes: true)
    }

    /// Starts a step of the command that counts pieces of work, such as users.
    func begin(_ label: String, totalCount: Int) {
        begin(label, UInt64(clamping: totalCount), countsBytes: false)
    }

    private func begin(_ label: String, _ totalCount: UInt64, countsBytes: Bool) {
        state.withLock { state in
            state.label = label
            state.totalCount = totalCount
            state.countsBytes = countsBytes
            state.doneCount = 0
            state.shownAt = nil
        }
    }

    /// Counts bytes that were read, or pieces of work that were done; any thread may call it.
    func advance(by count: Int) {
        guard isShown else { return }
        state.withLock { state in
            state.doneCount &+= UInt64(clamping: count)
            let now = now()
            if let shownAt = state.shownAt, now &- shownAt < Self.intervalNanoseconds { return }
            state.shownAt = now
            // Some bytes are read twice, such as headers.
            let done = min(state.doneCount, state.totalCount)
            let figures =
                state.countsBytes
                ? "\(Self.mebibytes(done)) of \(Self.mebibytes(state.totalCount)) MiB"
                : "\(done) of \(state.totalCount)"
            let text = "\(state.label): \(figures)"
            output("\r" + text.padded(to: state.width))
            state.width = text.count
        }
    }

    /// Removes the line. It must be called before anything else is written to a terminal.
    func end() {
        state.withLock { state in
            guard state.width > 0 else { return }
            output("\r" + String(repeating: " ", count: state.width) + "\r")
            state.width = 0
        }
    }

    /// Formats a number of bytes in MiB with one decimal place.
    private static func mebibytes(_ byteCount: UInt64) -> String {
        let tenths = byteCount / 1_024 * 10 / 1_024
        return "\(tenths / 10).\(tenths % 10)"
    }
}
