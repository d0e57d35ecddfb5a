import Encoding
import Foundation
import Glibc
import Platform
import Synchronization
import Testing

@Suite("A monitor that is watched")
struct MonitorTests {
    @Test(arguments: [0, 1_000, 50_000, 1_000_000] as [UInt64])
    func `no change is missed, whether it comes during the watch, at its end or later`(_ limit: UInt64) {
        let count = 3_000
        let monitor = ConditionLock(0)
        let taken = Atomic<Int>(0)
        let changer = Thread {
            for number in 0..<count {
                while taken.load(ordering: .acquiring) < number { sched_yield() }
                if number % 97 == 0 { usleep(1_500) }
                monitor.withLock { $0 += 1 }
                monitor.signal()
            }
        }
        changer.start()
        var patience = AdaptiveSpin(limit: limit)
        for number in 0..<count {
            let found = monitor.wait(&patience) { $0 > number ? $0 : nil }
            #expect(found == number + 1)
            taken.store(number + 1, ordering: .releasing)
        }
    }

    @Test func `answers at once when there is something, and learns nothing from that`() {
        let monitor = ConditionLock(7)
        var patience = AdaptiveSpin(limit: 1_000_000)
        for _ in 0..<100 { #expect(monitor.wait(&patience) { $0 } == 7) }
        #expect(patience.budget == 0)
    }
}
