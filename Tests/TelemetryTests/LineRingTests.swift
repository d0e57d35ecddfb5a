import Foundation
import Synchronization
import Telemetry
import Testing

@Suite("Lines between two threads")
struct LineRingTests {
    @Test func `a line goes in whole or not at all, and comes out in order`() {
        let ring = LineRing(byteCount: 64)
        let line = Array("0123456789012345678\n".utf8)
        #expect(ring.append(line.span) == 20 && ring.append(line.span) == 40 && ring.append(line.span) == 60)
        #expect(ring.append(line.span) == nil)
        var taken: [UInt8] = []
        ring.take(into: &taken, byteCountMax: 30)
        #expect(taken == Array((line + line).prefix(30)))
        // Across the end of the room.
        #expect(ring.append(line.span) == 50)
        ring.take(into: &taken, byteCountMax: 1_000)
        #expect(taken == line + line + line + line && ring.isEmpty)
        ring.take(into: &taken, byteCountMax: 1_000)
        #expect(taken.count == 80)
    }

    @Test func `what is longer than the room is refused`() {
        let ring = LineRing(byteCount: 1)
        #expect(ring.append([UInt8](repeating: 1, count: 65).span) == nil)
        #expect(ring.append([UInt8](repeating: 1, count: 64).span) == 64)
    }

    @Test func `two threads lose and mix nothing`() {
        let ring = LineRing(byteCount: 512)
        let lineCount = 20_000
        let refused = Atomic<Int>(0)
        let isDone = Atomic<Bool>(false)
        let taken = Mutex<[UInt8]>([])
        let reader = Thread {
            var octets: [UInt8] = []
            while !isDone.load(ordering: .acquiring) || !ring.isEmpty {
                ring.take(into: &octets, byteCountMax: octets.count % 97 + 1)
            }
            taken.withLock { $0 = octets }
        }
        reader.start()
        var kept: [Int] = []
        for number in 0..<lineCount {
            let line = Array("line \(number)\n".utf8)
            if ring.append(line.span) == nil { refused.add(1, ordering: .relaxed) } else { kept.append(number) }
        }
        isDone.store(true, ordering: .releasing)
        while !reader.isFinished { usleep(1_000) }
        let lines = String(decoding: taken.withLock { $0 }, as: UTF8.self).split(separator: "\n")
        #expect(lines.map(String.init) == kept.map { "line \($0)" })
        #expect(kept.count + refused.load(ordering: .relaxed) == lineCount)
    }
}

@Suite("Access log")
struct AccessLogTests {
    @Test func `a full lane drops, counts, and wakes the writing thread before that`() {
        let wakes = Atomic<Int>(0)
        let log = AccessLog(share: 1) { wakes.add(1, ordering: .relaxed) }
        let (lane, other) = (log.newLane(), log.newLane())
        let line = [UInt8](repeating: UInt8(ascii: "x"), count: 4_095) + [UInt8(ascii: "\n")]
        for _ in 0..<300 { lane.append(line.span) }
        #expect(log.dropped == 44 && wakes.load(ordering: .relaxed) == 1)
        other.append(line.span)
        #expect(log.dropped == 44)
        lane.append([UInt8](repeating: 0, count: 4_097).span)
        #expect(log.dropped == 45)
        var outputs: [[UInt8]] = []
        log.take(into: &outputs, byteCountMax: 10_000)
        #expect(outputs.map(\.count) == [10_000, 4_096])
    }

    @Test(arguments: [(0.0, 0), (0.25, 250), (0.5, 500), (1.0, 1_000), (2.0, 1_000), (-1.0, 0), (Double.nan, 0)])
    func `a share of evenly spread numbers is sampled`(_ share: Double, _ expected: Int) {
        let lane = AccessLog(share: share) {}.newLane()
        let numbers = (0..<1_000).map { UInt64($0) * (.max / 1_000) + .max / 2_000 }
        #expect(numbers.count { lane.samples($0) } == expected)
    }
}
