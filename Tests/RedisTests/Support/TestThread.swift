import Foundation
import Synchronization

/// A thread of a test. What it uses is not used elsewhere until it has ended.
final class TestThread: @unchecked Sendable {
    private let done = DispatchSemaphore(value: 0)

    init(_ body: @escaping () -> Void) throws {
        nonisolated(unsafe) let body = body
        let done = self.done
        Thread.detachNewThread {
            body()
            done.signal()
        }
    }

    func join() { done.wait() }
}
