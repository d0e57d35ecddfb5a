import Telemetry

/// What the access log's thread holds between the loops and the file.
struct AccessLogLines {
    enum Progress {
        case nothing, some, stalled
    }

    enum News: Equatable {
        case failed(reason: String)
        case healed
    }

    /// How long a reader that does not keep up is waited for at a time, in milliseconds.
    private static let patience: Int32 = 100
    private static let laneByteCountMax = 65_536

    private var file: AccessLogFile
    /// Of each loop; the last line of one may not be there in full.
    private var waiting: [[UInt8]] = []
    /// Whether the last call failed.
    private var isFailing = false
    /// Whether the file ends in the midst of a line, whose rest was lost.
    private var isTorn = false
    /// The loop whose first line has begun in the file and goes on before anything else.
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

    /// Takes lines from the loops and writes as much of them as the file takes now.
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

    /// Gives up what is left.
    mutating func end(_ log: AccessLog) {
        log.take(into: &waiting, byteCountMax: .max)
        for lane in waiting { log.countDropped(Self.lineCount(lane[...])) }
        waiting = []
        file.close()
    }

    /// Up to where a loop's octets are whole lines that go out in one call.
    private func lineEnd(_ lane: Int) -> Int? {
        let octets = waiting[lane]
        let part = octets.prefix(file.byteCountMax)
        return part.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 }
    }

    /// - Returns: false when the reader does not keep up.
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

    /// Lets go of lines that the file does not take: the next ones may fare better, and the loops go on anyway.
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
