import Telemetry

/// The lines that the access log thread has taken from the loops but not yet written.
struct AccessLogLines {
    enum Progress {
        case nothing, some, stalled
    }

    enum News: Equatable {
        case failed(reason: String)
        case healed
    }

    /// How long one call waits for a slow reader, in milliseconds.
    private static let patience: Int32 = 100
    private static let laneByteCountMax = 65_536

    private var file: AccessLogFile
    /// One buffer for each loop. The last line may be incomplete.
    private var waiting: [[UInt8]] = []
    /// Whether the last call failed.
    private var isFailing = false
    /// Whether the file ends in the middle of a line whose rest was lost.
    private var isTorn = false
    /// The loop whose first line is partly written and must be completed first.
    private var midLine: Int?
    private var untold: News?

    init(file: AccessLogFile) {
        self.file = file
    }

    /// What happened since the last call.
    mutating func news() -> News? {
        defer { untold = nil }
        return untold
    }

    mutating func replaceFile(with file: AccessLogFile) {
        self.file.close()
        self.file = file
        (isTorn, midLine) = (false, nil)
    }

    /// Takes lines from the loops and writes as many as the file accepts now.
    mutating func move(from log: AccessLog) -> Progress {
        log.take(into: &waiting, byteCountMax: Self.laneByteCountMax)
        var progress = Progress.nothing
        let first = midLine ?? 0
        for lane in Array(first..<waiting.count) + Array(0..<first) {
            while let end = lineEnd(lane) {
                guard write(lane, until: end, log) else { return .stalled }
                progress = .some
            }
        }
        return progress
    }

    /// Drops the remaining lines.
    mutating func end(_ log: AccessLog) {
        log.take(into: &waiting, byteCountMax: .max)
        for lane in waiting { log.countDropped(Self.lineCount(lane[...])) }
        waiting = []
        file.close()
    }

    /// The end of the complete lines of a loop that one call writes.
    private func lineEnd(_ lane: Int) -> Int? {
        let octets = waiting[lane]
        let part = octets.prefix(file.byteCountMax)
        return part.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 }
    }

    /// - Returns: false if the reader is too slow.
    private mutating func write(_ lane: Int, until end: Int, _ log: AccessLog) -> Bool {
        if isTorn {
            guard case .wrote = file.write([UInt8(ascii: "\n")], patience: Self.patience) else {
                return giveUp(lane, until: end, log)
            }
            isTorn = false
        }
        switch file.write(waiting[lane][..<end], patience: Self.patience) {
        case .wrote(let count):
            log.countWritten(Self.lineCount(waiting[lane][..<count]))
            midLine = count > 0 && waiting[lane][count - 1] != UInt8(ascii: "\n") ? lane : nil
            waiting[lane].removeFirst(count)
            if isFailing, midLine == nil {
                isFailing = false
                untold = .healed
            }
            return true
        case .stalled: return false
        case .failed(let reason):
            if !isFailing { untold = .failed(reason: reason) }
            isFailing = true
            return giveUp(lane, until: end, log)
        }
    }

    /// Drops lines that the file does not accept. The loops never wait, and later lines may succeed.
    private mutating func giveUp(_ lane: Int, until end: Int, _ log: AccessLog) -> Bool {
        log.countDropped(Self.lineCount(waiting[lane][..<end]))
        waiting[lane].removeFirst(end)
        isTorn = isTorn || midLine != nil
        midLine = nil
        return true
    }

    private static func lineCount(_ octets: ArraySlice<UInt8>) -> Int {
        octets.reduce(0) { $1 == UInt8(ascii: "\n") ? $0 + 1 : $0 }
    }
}
