import Encoding
import Synchronization

/// Makes changes of one session's data follow each other on this node, so that they conflict only with those of other
/// nodes, and bounds how many wait.
package final class SessionDataLanes: Sendable {
    typealias Start = @Sendable () -> Void

    /// How many changes of one session wait at most.
    static let waitingCountMax = 31

    /// By session, the changes that wait for the one in progress.
    private let waiting = Mutex<[UUID: [Start]]>([:])

    package init() {}

    /// Calls `start`, now or when it is its turn. It must be followed by one ``leave(_:)``.
    ///
    /// - Returns: false, without a call, if too many wait.
    func enter(_ sid: UUID, _ start: @escaping Start) -> Bool {
        let isFirst: Bool? = waiting.withLock { lanes in
            guard let lane = lanes[sid] else {
                lanes[sid] = []
                return true
            }
            guard lane.count < Self.waitingCountMax else { return nil }
            lanes[sid, default: []].append(start)
            return false
        }
        if isFirst == true { start() }
        return isFirst != nil
    }

    func leave(_ sid: UUID) {
        let next: Start? = waiting.withLock { lanes in
            guard let lane = lanes[sid], !lane.isEmpty else {
                lanes[sid] = nil
                return nil
            }
            return lanes[sid]?.removeFirst()
        }
        next?()
    }
}
