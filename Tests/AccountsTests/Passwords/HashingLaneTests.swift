import Synchronization
import Testing

@testable import Accounts

@Suite("Two lanes for hashing: known logins first, guesses last")
struct HashingLaneTests {
    /// A queue without threads, whose clock and work are the test's.
    private final class Bench: Sendable {
        let done = Mutex<[String]>([])
        let refused = Mutex<[String]>([])
        let queue: HashingQueue
        private let clock: Clock

        init(workers: Int = 1, places: Int) {
            let clock = Clock()
            self.clock = clock
            queue = HashingQueue(workers: workers, places: .logins(places), idleMilliseconds: 1) { clock.value }
        }

        func advance(_ milliseconds: Int64) { clock.advance(milliseconds) }

        @discardableResult
        func push(_ name: String, _ lane: HashingLane, takes milliseconds: Int64 = 0) -> HashingRefusal? {
            queue.push(lane) { [self] in
                advance(milliseconds)
                done.withLock { $0.append(name) }
            } refuse: { [self] _ in
                refused.withLock { $0.append(name) }
            }
        }

        /// Does what a worker does.
        func work(_ count: Int = 1) {
            for _ in 0..<count {
                guard case .work(let work) = queue.next(waitsIdle: true) else { return }
                queue.run(work)
            }
        }

        /// Takes work and does not finish it.
        func occupy() {
            push("", .known)
            _ = queue.next(waitsIdle: true)
        }

        var order: String { done.withLock { $0.joined(separator: " ") } }
        var losers: String { refused.withLock { $0.joined(separator: " ") } }
    }

    private final class Clock: Sendable {
        private let milliseconds = Atomic<Int64>(1_000)
        var value: Int64 { milliseconds.load(ordering: .relaxed) }
        func advance(_ count: Int64) { milliseconds.wrappingAdd(count, ordering: .relaxed) }
    }

    private let stranger = HashingLane.other(lastFailure: nil)

    @Test(arguments: [1, 2, 5, 64])
    func `guesses never take the half of the places that is for known logins`(places: Int) {
        let bench = Bench(places: places)
        bench.occupy()
        let taken = (0..<1_000).count { bench.push("\($0)", stranger) == nil }
        #expect(taken == max(places / 2, 1))
        let known = (0..<1_000).count { bench.push("\($0)", .known) == nil }
        #expect(known == places - places / 2)
        let counts = bench.queue.counts
        #expect(counts.other.queued == taken && counts.known.queued == known && counts.busy == 1)
        #expect(counts.other.rejected == 1_000 - taken && counts.known.rejected == 1_000 - known)
    }

    @Test func `a free worker takes a login of either lane, also where its lane has no place`() {
        let bench = Bench(places: 0)
        #expect(bench.push("stranger", stranger) == nil)
        bench.work()
        #expect(bench.order == "stranger")
        bench.occupy()
        #expect(bench.push("stranger", stranger) != nil)
        #expect(bench.push("ana", .known) != nil)
    }

    @Test func `one account that floods the lane of known logins leaves it to the others`() {
        let bench = Bench(places: 64)
        bench.occupy()
        for number in 0..<9 { bench.push("f\(number)", .knownLogin(account: 7)) }
        bench.push("guess", .other(lastFailure: 900))
        #expect(bench.queue.counts.known.queued == 4 && bench.queue.counts.other.queued == 6)
        bench.push("ana", .knownLogin(account: 8))
        bench.work(6)
        #expect(bench.order == "f0 f1 f2 guess f3 ana")
        bench.push("again", .knownLogin(account: 7))
        bench.work(1)
        #expect(bench.order.hasSuffix("ana again"), "it may wait in the lane again")
    }

    @Test func `known logins go first, and one pick of four is another login's`() {
        let bench = Bench(places: 40)
        bench.occupy()
        for number in 0..<3 { bench.push("o\(number)", stranger) }
        for number in 0..<9 { bench.push("k\(number)", .known) }
        bench.work(12)
        #expect(bench.order == "k0 k1 k2 o0 k3 k4 k5 o1 k6 k7 k8 o2")
    }

    @Test func `a lane does not save up turns while it is empty`() {
        let bench = Bench(places: 40)
        bench.occupy()
        for number in 0..<8 { bench.push("k\(number)", .known) }
        bench.work(6)
        bench.push("o", stranger)
        bench.work(3)
        #expect(bench.order == "k0 k1 k2 k3 k4 k5 k6 k7 o")
    }

    @Test func `sources that failed least recently go first, and among equals the first that came`() {
        let bench = Bench(places: 40)
        bench.occupy()
        for (name, lastFailure) in [("late", 900), ("a", nil), ("early", 100), ("b", nil), ("middle", 500)]
            as [(String, Int64?)]
        {
            bench.push(name, .other(lastFailure: lastFailure))
        }
        bench.work(5)
        #expect(bench.order == "a b early middle late")
    }

    @Test func `in a full lane, the last in order loses its place to a source that failed less recently`() {
        let bench = Bench(places: 4)
        bench.occupy()
        bench.push("guesser", .other(lastFailure: 900))
        bench.push("older", .other(lastFailure: 500))
        #expect(bench.push("newest", .other(lastFailure: 950)) != nil, "it would be the last")
        #expect(bench.push("honest", stranger) == nil)
        #expect(bench.losers == "guesser")
        #expect(bench.queue.counts.other == .init(queued: 2, rejected: 2))
        bench.work(2)
        #expect(bench.order == "honest older")
    }

    @Test func `a login that would wait for longer than 5 seconds is refused at once`() {
        let bench = Bench(places: 1_000)
        bench.push("measured", .known, takes: 1_000)
        bench.work()
        bench.occupy()
        let known = (0..<100).count { bench.push("k\($0)", .known) == nil }
        #expect(known == 5, "each takes a second")
        #expect(bench.push("k", .known) == HashingRefusal(retryAfterSeconds: 6))
        // Three known logins go before the first of the other lane.
        let other = (0..<100).count { bench.push("o\($0)", stranger) == nil }
        #expect(other == 1)
    }

    @Test func `two workers halve the wait, and the mean follows what is measured`() {
        let bench = Bench(workers: 2, places: 1_000)
        bench.push("measured", .known, takes: 1_000)
        bench.work()
        bench.occupy()
        bench.occupy()
        #expect((0..<100).count { bench.push("k\($0)", .known) == nil } == 10)
        let quick = Bench(places: 1_000)
        quick.push("slow", .known, takes: 4_000)
        quick.work()
        for _ in 0..<60 {
            quick.push("quick", .known, takes: 10)
            quick.work()
        }
        quick.occupy()
        #expect((0..<200).count { quick.push("k\($0)", .known) == nil } == 200)
    }

    @Test func `a login that was overtaken for 5 seconds is refused, whatever its place`() {
        let bench = Bench(places: 40)
        bench.occupy()
        bench.push("guesser", .other(lastFailure: 1))
        bench.push("known", .known)
        bench.advance(5_000)
        bench.push("late", stranger)
        #expect(bench.losers.isEmpty)
        bench.advance(1)
        bench.work()
        #expect(bench.losers == "known guesser" && bench.order == "late")
        #expect(bench.queue.counts.other.rejected == 1 && bench.queue.counts.known.rejected == 1)
    }

    @Test func `a long time of overtaking leaves nothing behind`() {
        let bench = Bench(places: 8)
        bench.occupy()
        bench.push("guesser", .other(lastFailure: 1))
        for number in 0..<10_000 {
            bench.push("\(number)", stranger)
            bench.work()
        }
        #expect(bench.order.hasSuffix("9998 9999") && bench.queue.counts.other.queued == 1)
        bench.work()
        #expect(bench.order.hasSuffix("9999 guesser"))
    }

    @Test func `after closing, what is queued is done and nothing is accepted`() {
        let bench = Bench(places: 8)
        bench.push("k", .known)
        bench.push("o", stranger)
        bench.queue.close()
        #expect(bench.push("late", .known) != nil && bench.push("late", stranger) != nil)
        bench.work(9)
        #expect(bench.order == "k o")
    }

    @Test func `the threads of a pool do all that was accepted, and refuse the rest exactly once`() throws {
        let pool = try HashingPool(workers: 3, places: .logins(64)) { 0 }
        let done = Mutex(0)
        let refused = Mutex(0)
        var rejected = 0
        for number in 0..<20_000 {
            let lane: HashingLane = number % 3 == 0 ? .known : .other(lastFailure: Int64(number * 7_919 % 1_000))
            let refusal = pool.submit(lane) {
                done.withLock { $0 += 1 }
            } refused: { _ in
                refused.withLock { $0 += 1 }
            }
            if refusal != nil { rejected += 1 }
        }
        pool.close()
        let late = refused.withLock { $0 }
        #expect(done.withLock { $0 } + late + rejected == 20_000)
        #expect(pool.counts.rejected == late + rejected)
    }
}
