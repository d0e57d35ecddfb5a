import Foundation
import Synchronization
import Testing

@testable import martlet

@Suite("Signals during the start")
struct SignalDutyTests {
    /// What was called, in order.
    final class Seen: Sendable {
        private let list = Mutex<[String]>([])
        var all: [String] { list.withLock { $0 } }
        func add(_ text: String) { list.withLock { $0.append(text) } }
    }

    @Test func `a signal that ends the process ends the start, and later the service`() {
        let seen = Seen()
        let duty = SignalDuty { seen.add("abandoned \($0)") }
        duty.take(SIGTERM)
        duty.take(SIGINT)
        duty.begin { seen.add("handled \($0)") }
        duty.take(SIGTERM)
        #expect(seen.all == ["abandoned \(SIGTERM)", "abandoned \(SIGINT)", "handled \(SIGTERM)"])
    }

    @Test func `a reload that was asked for during the start is done once after it`() {
        let seen = Seen()
        let duty = SignalDuty { seen.add("abandoned \($0)") }
        duty.take(SIGHUP)
        duty.take(SIGHUP)
        #expect(seen.all.isEmpty)
        duty.begin { seen.add("handled \($0)") }
        #expect(seen.all == ["handled \(SIGHUP)"])
        duty.take(SIGHUP)
        #expect(seen.all.count == 2)
    }
}
