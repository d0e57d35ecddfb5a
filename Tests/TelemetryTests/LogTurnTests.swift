import Encoding
import Foundation
import Platform
import Synchronization
import Telemetry
import Testing

@Suite("Log lines of one turn")
struct LogTurnTests {
    private final class Pieces: Sendable {
        private let pieces = Mutex<[String]>([])

        var all: [String] { pieces.withLock { $0 } }

        func log() -> Log {
            Log(level: .info, form: .text, clock: WallClock { 0 }) { [self] lines in
                pieces.withLock { $0.append(String(decoding: lines, as: UTF8.self)) }
            }
        }
    }

    private static let prefix = "1970-01-01T00:00:00.000Z "

    @Test func `are written together at its end`() {
        let pieces = Pieces()
        let log = pieces.log()
        let turn = Turn(collectsLines: true)
        turn.begin()
        log.write(.info, "one")
        log.write(.debug, "left_out")
        log.write(.warning, "two")
        #expect(pieces.all.isEmpty)
        turn.finish()
        #expect(pieces.all == ["\(Self.prefix)info one\n\(Self.prefix)warning two\n"])
    }

    @Test func `an error is written at once, with the lines before it`() {
        let pieces = Pieces()
        let log = pieces.log()
        let turn = Turn(collectsLines: true)
        turn.begin()
        log.write(.info, "one")
        log.write(.error, "two")
        #expect(pieces.all == ["\(Self.prefix)info one\n\(Self.prefix)error two\n"])
        turn.finish()
        #expect(pieces.all.count == 1)
    }

    @Test func `a thread without turns writes each line at once`() {
        let pieces = Pieces()
        let log = pieces.log()
        log.write(.info, "one")
        log.write(.info, "two")
        #expect(pieces.all == ["\(Self.prefix)info one\n", "\(Self.prefix)info two\n"])
    }
}
