import Encoding
import Journal
import Platform
@testable import Revocation
@testable import Store
import StoreTestSupport
import Synchronization
import Testing

@Suite("The steps that wait for the thread of an engine")
struct QueueTests {
    private let queue = StoreQueue()
    private let failures = Answers<RevocationError>()

    private func task(isRevocation: Bool = false, at now: Int64 = 0) -> StoreTask {
        let record = JournalRecord(.open, key: UUID(high: 1, low: 1), expires: 0)
        let answer = StoreTask.Answer.stamp { [failures] in
            if case .failure(let fault) = $0 { failures.take(fault) }
        }
        return StoreTask(.append([record], isRevocation: isRevocation), answer, asked: now, timeout: 1_000)
    }

    private var queued: Int { queue.take(upTo: 100).count }

    @Test func `steps wait for a while, whatever the thread of the engine is at`() {
        queue.set(.everything)
        queue.hold(until: 500)
        #expect(queue.mode == .waiting && !queue.mode.sends)
        #expect(queue.takesEverything(at: 499) && !queue.takesEverything(at: 500))
        queue.add(task(), at: 499)
        #expect(failures.all.isEmpty && queued == 1)
        // Nobody has ended the wait yet.
        queue.add(task(), at: 500)
        #expect(failures.all.count == 1 && queued == 0)
        queue.add(task(isRevocation: true), at: 500)
        #expect(failures.all.count == 1 && queue.takeKept().count == 1)
        queue.endHold(at: 499)
        #expect(queue.mode == .waiting)
        queue.endHold(at: 500)
        #expect(queue.mode == .nothing)
    }

    @Test func `a wait is not made longer, and begins only where steps could be sent`() {
        queue.hold(until: 500)
        #expect(queue.mode == .nothing && !queue.takesEverything(at: 0))
        queue.set(.everything)
        queue.hold(until: 500)
        queue.hold(until: 900)
        #expect(!queue.takesEverything(at: 500))
    }

    @Test func `what has stopped takes nothing again, whoever sets what`() {
        queue.set(.everything)
        queue.stop()
        for mode in [StoreQueue.Mode.everything, .revocations, .waiting] {
            queue.set(mode)
            #expect(queue.mode == .nothing && !queue.takesEverything(at: 0))
        }
        queue.add(task(), at: 0)
        #expect(failures.all.count == 1 && queued == 0)
    }

    @Test func `no step comes in under a mode that has ended`() throws {
        let isDone = Atomic<Bool>(false)
        let added = Atomic<Int>(0)
        let answers = Answers<Bool>()
        let adding = try Platform.Thread(name: "adding") { [queue] in
            while !isDone.load(ordering: .acquiring) {
                let step = StoreTask(.append([], isRevocation: false), .stamp { _ in }, asked: 0, timeout: 1)
                queue.add(step, at: 0)
                added.wrappingAdd(1, ordering: .relaxed)
            }
            answers.take(true)
        }
        for _ in 0..<40 {
            queue.set(.everything)
            let before = added.load(ordering: .relaxed)
            while added.load(ordering: .relaxed) < before + 3 { Platform.Thread.sleep(milliseconds: 1) }
            queue.set(.revocations)
            _ = queue.takeOthers()
            #expect(queue.takeOthers().isEmpty && queue.isEmpty)
        }
        isDone.store(true, ordering: .releasing)
        adding.join()
        #expect(answers.all == [true])
    }

    @Test func `everybody is answered while the ledger closes`() {
        queue.set(.everything)
        queue.close()
        queue.add(task(isRevocation: true), at: 0)
        #expect(failures.all == [.closed] && queue.isEmpty)
    }
}
