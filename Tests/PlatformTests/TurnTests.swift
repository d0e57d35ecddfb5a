import Foundation
import Platform
import Synchronization
import Testing

@Suite("A thread that works in turns")
struct TurnTests {
    private final class Output: TurnOutput {
        let written = Mutex<[String]>([])

        func write(lines: [UInt8]) { written.withLock { $0.append(String(decoding: lines, as: UTF8.self)) } }

        var all: [String] { written.withLock { $0 } }
    }

    private final class Task: TurnTask {
        let count = Atomic<Int>(0)

        func endTurn() { count.add(1, ordering: .relaxed) }
    }

    private final class Rester: RestTask {
        let isWaiting = Atomic<Bool>(false)
        let count = Atomic<Int>(0)

        var awaitsRest: Bool { isWaiting.load(ordering: .relaxed) }

        func rest() { count.add(1, ordering: .relaxed) }
    }

    @Test func `tells a task of each rest while it wants to know, and once`() {
        let turn = Turn(collectsLines: true)
        let task = Rester()
        task.isWaiting.store(true, ordering: .relaxed)
        for _ in 0..<3 { turn.beforeRest(task) }
        for number in 1...2 {
            #expect(turn.announcesRest)
            turn.end()
            turn.rest()
            #expect(task.count.load(ordering: .relaxed) == number)
        }
        task.isWaiting.store(false, ordering: .relaxed)
        #expect(!turn.announcesRest)
        turn.rest()
        #expect(task.count.load(ordering: .relaxed) == 2)
    }

    @Test func `keeps no task that no longer awaits a rest, and none after its end`() {
        let turn = Turn(collectsLines: true)
        turn.begin()
        weak var idle: Rester?
        weak var waiting: Rester?
        do {
            let (first, second) = (Rester(), Rester())
            second.isWaiting.store(true, ordering: .relaxed)
            turn.beforeRest(first)
            turn.beforeRest(second)
            (idle, waiting) = (first, second)
        }
        #expect(idle != nil)
        turn.rest()
        #expect(idle == nil && waiting != nil)
        turn.finish()
        #expect(waiting == nil)
    }

    private func line(_ text: String) -> [UInt8] { Array("\(text)\n".utf8) }

    @Test func `is known to its own thread only, from its beginning to its end`() {
        #expect(Turn.current == nil)
        let turn = Turn(collectsLines: true)
        turn.begin()
        #expect(Turn.current === turn)
        let elsewhere = Mutex(false)
        let other = Thread { elsewhere.withLock { $0 = Turn.current == nil } }
        other.start()
        while !other.isFinished { usleep(1_000) }
        #expect(elsewhere.withLock { $0 })
        turn.finish()
        #expect(Turn.current == nil)
    }

    @Test func `does each task once at the end, in every turn that adds it`() {
        let turn = Turn(collectsLines: true)
        let (first, second) = (Task(), Task())
        for number in 1...3 {
            for _ in 0..<5 { turn.atEnd(first) }
            if number == 2 { turn.atEnd(second) }
            #expect(first.count.load(ordering: .relaxed) == number - 1)
            turn.end()
            #expect(first.count.load(ordering: .relaxed) == number)
        }
        turn.end()
        #expect(first.count.load(ordering: .relaxed) == 3 && second.count.load(ordering: .relaxed) == 1)
    }

    @Test func `writes its lines together and in order, and counts them`() {
        let turn = Turn(collectsLines: true)
        let output = Output()
        #expect(turn.addLine(to: output) { $0 += line("one") } && turn.addLine(to: output) { $0 += line("two") })
        #expect(turn.hasLines && turn.lineCount == 2 && output.all.isEmpty)
        turn.end()
        #expect(!turn.hasLines && output.all == ["one\ntwo\n"])
        turn.end()
        #expect(output.all.count == 1 && turn.lineCount == 2)
    }

    @Test func `keeps a line that is added while another is written`() {
        let turn = Turn(collectsLines: true)
        let output = Output()
        _ = turn.addLine(to: output) { $0 += line("one") }
        _ = turn.addLine(to: output) { lines in
            _ = turn.addLine(to: output) { $0 += line("inner") }
            lines += line("outer")
        }
        turn.end()
        #expect(output.all == ["one\nouter\ninner\n"] && turn.lineCount == 3)
    }

    @Test func `lines for another output follow those before them`() {
        let turn = Turn(collectsLines: true)
        let (one, other) = (Output(), Output())
        _ = turn.addLine(to: one) { $0 += line("a") }
        _ = turn.addLine(to: other) { $0 += line("b") }
        #expect(one.all == ["a\n"] && other.all.isEmpty)
        turn.writeLines()
        #expect(one.all == ["a\n"] && other.all == ["b\n"])
    }

    @Test func `many lines do not wait for the end`() {
        let turn = Turn(collectsLines: true)
        let output = Output()
        let long = line(String(repeating: "x", count: 999))
        for _ in 0..<100 { _ = turn.addLine(to: output) { $0 += long } }
        let waiting = 100_000 - output.all.joined().utf8.count
        #expect(waiting < Turn.byteCountMax)
        turn.finish()
        #expect(output.all.joined().utf8.count == 100_000)
    }

    @Test func `a thread that collects no lines leaves them to the caller`() {
        let turn = Turn(collectsLines: false)
        let output = Output()
        #expect(!turn.addLine(to: output) { $0 += line("x") })
        turn.end()
        #expect(output.all.isEmpty && !turn.hasLines)
    }
}
