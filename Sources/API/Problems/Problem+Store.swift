import Revocation

extension Problem {
    /// Returns the problem as a server on an engine states it: what its own journal would have recorded, the engine
    /// could not.
    func over(_ store: StoreStatus?) -> Problem {
        guard store != nil, code == .journalUnavailable else { return self }
        var problem = Problem(.storeUnavailable, detail, reason: reason, retryAfter: 1)
        problem.statusOverride = statusOverride
        problem.clearsCookies = clearsCookies
        return problem
    }

    /// What happens to a revocation that could not be recorded.
    static func revocationDetail(_ store: StoreStatus?) -> String {
        store == nil
            ? "The revocation applies now. It is lost if the service stops before the journal can be written again."
            : "The revocation applies on this server now. The other servers apply it when the store has it, which this server tells it as soon as it can."
    }
}
