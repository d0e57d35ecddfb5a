package import Store

extension StoreFault {
    /// What is wrong and what to do about it, without a password.
    package var sentence: String {
        switch self {
        case .unreachable(let reason): "the store cannot be reached: \(reason)"
        case .lost(let reason): "the connection to the store ended, or no answer came in time: \(reason)"
        case .busy(let reason): "the store cannot do this now: \(reason)"
        case .notPrimary(let reason): "the server is not the primary of the store: \(reason)"
        case .rejected(let reason, let remedy): "the store rejects this server: \(reason). \(remedy)"
        case .malformed(let reason): "the store sent an answer that cannot be used: \(reason)"
        case .damaged(let reason):
            "the store contains something that must not be skipped: \(reason). Restore it from a copy, or start with an "
                + "empty one, which the servers fill from their copies"
        case .epoch: "the store has begun another epoch meanwhile"
        case .gone: "the log of the store no longer goes back to the position"
        case .closed: "the connection to the store is closed"
        }
    }

    /// Whether the same may succeed later although nothing was changed by an operator.
    package var mayPass: Bool {
        switch self {
        case .unreachable, .lost, .busy, .notPrimary, .epoch, .gone, .closed: true
        case .rejected, .malformed, .damaged: false
        }
    }
}
