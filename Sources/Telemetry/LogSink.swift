package import Platform
import Synchronization

/// Writes log lines without ever blocking a request on a slow reader.
///
/// A stalled reader would otherwise block every loop at its next line. The sink waits for it once and briefly; from
/// then on it drops and counts lines until the reader continues, and then writes the count first.
package final class LogSink: Sendable {
    /// How long the lines may wait for the reader, in milliseconds.
    private static let patience: Int32 = 100
    private static let newline = UInt8(ascii: "\n")
    /// The number of bytes that a pipe or a socket takes without blocking when poll(2) says that it is ready (PIPE_BUF,
    /// pipe(7)).
    package static let pieceByteCountMax = 4_096

    private let form: Log.Form
    private let clock: WallClock
    private let pieceByteCountMax: Int
    private let isReady: @Sendable (_ milliseconds: Int32) -> Bool
    private let write: @Sendable ([UInt8]) -> Void
    private let lostCount = Mutex<Int64>(0)

    /// - Parameters:
    ///   - pieceByteCountMax: how many bytes `write` gets at most, unless a single line is longer.
    ///   - isReady: returns whether so many bytes can be written within the given milliseconds; 0 does not wait.
    ///   - write: writes one or more whole lines.
    package init(
        form: Log.Form, clock: WallClock, pieceByteCountMax: Int = LogSink.pieceByteCountMax,
        isReady: @escaping @Sendable (_ milliseconds: Int32) -> Bool, write: @escaping @Sendable ([UInt8]) -> Void
    ) {
        self.form = form
        self.clock = clock
        self.pieceByteCountMax = pieceByteCountMax
        self.isReady = isReady
        self.write = write
    }

    /// Writes whole lines, or counts those that the reader has no room for.
    package func take(_ lines: [UInt8]) {
        lostCount.withLock { lostCount in
            guard lines.count > pieceByteCountMax else { return take(lines, &lostCount) }
            var start = 0
            while start < lines.count {
                let end = endOfPiece(lines, from: start)
                take(Array(lines[start..<end]), &lostCount)
                start = end
            }
        }
    }

    /// Returns the end of the last line that fits into a piece, or of the first line if that one is longer.
    private func endOfPiece(_ lines: [UInt8], from start: Int) -> Int {
        let limit = min(lines.count, start + pieceByteCountMax)
        if limit == lines.count { return limit }
        if let last = lines[start..<limit].lastIndex(of: Self.newline) { return last + 1 }
        return lines[limit...].firstIndex(of: Self.newline).map { $0 + 1 } ?? lines.count
    }

    private func take(_ piece: [UInt8], _ lostCount: inout Int64) {
        guard isReady(lostCount == 0 ? Self.patience : 0) else { return lose(piece, &lostCount) }
        if lostCount > 0 {
            write(notice(lostCount))
            lostCount = 0
            guard isReady(0) else { return lose(piece, &lostCount) }
        }
        write(piece)
    }

    private func lose(_ piece: [UInt8], _ lostCount: inout Int64) {
        for byte in piece where byte == Self.newline { lostCount &+= 1 }
    }

    private func notice(_ count: Int64) -> [UInt8] {
        var text: [UInt8] = []
        var line = LogLine(
            form: form, milliseconds: clock.now, level: Log.Level.warning.name, event: "log_lines_lost", after: &text)
        line.add("count", count)
        line.finish(into: &text)
        return text
    }
}
