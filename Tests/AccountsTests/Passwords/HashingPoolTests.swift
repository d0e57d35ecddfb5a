import Foundation
import Synchronization
import Testing

@testable import Accounts

@Suite("The hashing pool is bounded and out of the way")
struct HashingPoolTests {
    @Test func `takes as many as work and wait, and refuses the next`() throws {
        let pool = try HashingPool(workers: 2, queueCountMax: 3)
        let gate = DispatchSemaphore(value: 0)
        let done = Atomic(0)
        let results = (0..<7).map { _ in
            pool.submit {
                gate.wait()
                done.add(1, ordering: .relaxed)
            }
        }
        #expect(results == [true, true, true, true, true, false, false])
        let counts = pool.counts
        #expect(counts.rejected == 2 && counts.queued + counts.busy == 5)
        for _ in 0..<5 { gate.signal() }
        pool.close()
        #expect(done.load(ordering: .relaxed) == 5)
        let rest = pool.counts
        #expect(rest.queued == 0 && rest.busy == 0)
    }

    @Test func `runs what is queued in its order, and finishes it before closing`() throws {
        let pool = try HashingPool(workers: 1, queueCountMax: 1_000)
        let order = Mutex<[Int]>([])
        for number in 0..<500 { #expect(pool.submit { order.withLock { $0.append(number) } }) }
        pool.close()
        #expect(order.withLock { $0 } == Array(0..<500))
        #expect(!pool.submit {})
        pool.close()
    }

    @Test func `many submitters lose nothing`() throws {
        let pool = try HashingPool(workers: 3, queueCountMax: 100_000)
        let done = Atomic(0)
        DispatchQueue.concurrentPerform(iterations: 8) { _ in
            for _ in 0..<1_000 { #expect(pool.submit { done.add(1, ordering: .relaxed) }) }
        }
        pool.close()
        #expect(done.load(ordering: .relaxed) == 8_000)
    }

    @Test func `the threads have a name, a low priority and no signals`() throws {
        let pool = try HashingPool(workers: 1, queueCountMax: 1)
        let seen = Mutex(("", Int32(0), Int32(0)))
        #expect(
            pool.submit {
                let name = (try? String(contentsOfFile: "/proc/thread-self/comm", encoding: .utf8)) ?? ""
                var blocked = sigset_t()
                pthread_sigmask(SIG_BLOCK, nil, &blocked)
                let isBlocked = sigismember(&blocked, SIGTERM)
                seen.withLock { $0 = (name, getpriority(__priority_which_t(0), 0), isBlocked) }
            })
        pool.close()
        let (name, priority, isBlocked) = seen.withLock { $0 }
        #expect(name == "hash-0\n")
        #expect(priority == 10)
        #expect(isBlocked == 1)
    }

    @Test func `a worker keeps its Argon2 memory for the next hash, and gives it back when idle`() throws {
        let pool = try HashingPool(workers: 1, queueCountMax: 4, idleMilliseconds: 1)
        let held = Mutex<[Int]>([])
        let note: @Sendable () -> Void = { held.withLock { $0.append(Argon2Memory.current?.heldByteCount ?? -1) } }
        let isTaken = pool.submit {
            _ = try? PasswordHasher().hash([1], salt: [UInt8](repeating: 0, count: 16))
            note()
        }
        #expect(isTaken)
        let deadline = Date(timeIntervalSinceNow: 30)
        while held.withLock({ $0.last }) != 0, Date() < deadline {
            usleep(20_000)
            _ = pool.submit(note)
        }
        pool.close()
        #expect(held.withLock { $0.first } == 19_456 * 1_024)
        #expect(held.withLock { $0.last } == 0)
    }

    @Test func `the last reference may go away inside its own work`() throws {
        let ended = DispatchSemaphore(value: 0)
        let kept = Mutex<HashingPool?>(try HashingPool(workers: 2, queueCountMax: 2))
        let started = DispatchSemaphore(value: 0)
        let isTaken = kept.withLock { pool in
            pool?.submit {
                started.wait()
                kept.withLock { $0 = nil }
                ended.signal()
            }
        }
        #expect(isTaken == true)
        started.signal()
        #expect(ended.wait(timeout: .now() + 30) == .success)
    }
}
