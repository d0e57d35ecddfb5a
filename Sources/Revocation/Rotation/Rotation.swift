/// The last rotation of a session that is on stable storage.
struct Rotation: Equatable, Sendable {
    /// The latest generation issued, from 1.
    let generation: UInt32
    /// Hash of the scope and audience that were asked for.
    let request: UInt32
    /// Milliseconds since 1970, by the journal.
    let at: Int64
}

/// One session's refresh tokens: which of them is good for what. Takes events, answers actions; does nothing itself.
///
/// A session that never rotated is at generation 0 with nothing settled.
struct RotationMachine: Equatable, Sendable {
    /// What to do with a presented refresh token.
    enum Action: Equatable, Sendable {
        /// Write down that this generation follows, then answer it.
        case commit(generation: UInt32)
        /// The same is being written down for someone else: wait, and answer the same.
        case join
        /// Answer what was answered the first time.
        case replay(Rotation)
        /// Used twice for different things within the grace time: refuse, change nothing.
        case mismatch
        /// Used long ago: end the session.
        case reuse
        /// Issued by nobody we remember: the journal is older than the token.
        case ahead(known: UInt32)
    }

    private(set) var settled: Rotation?
    /// The request for which the next generation is being written down.
    private(set) var pendingRequest: UInt32?

    init(settled: Rotation?, pendingRequest: UInt32? = nil) {
        self.settled = settled
        self.pendingRequest = pendingRequest
    }

    /// A refresh token with a good signature was presented.
    /// - Parameter grace: how long an answer may be asked for again, in milliseconds.
    mutating func present(generation: UInt32, request: UInt32, now: Int64, grace: Int64) -> Action {
        let known = settled?.generation ?? 0
        if generation > known { return .ahead(known: known) }
        if generation == known {
            if let pendingRequest { return pendingRequest == request ? .join : .mismatch }
            guard known < .max else { return .reuse }
            pendingRequest = request
            return .commit(generation: known + 1)
        }
        // Only the parent of a successor that nobody used may ask again; a use under way is a use.
        guard let settled, pendingRequest == nil, generation + 1 == known, now &- settled.at <= grace else {
            return .reuse
        }
        return settled.request == request ? .replay(settled) : .mismatch
    }

    /// The next generation is on stable storage.
    mutating func committed(at time: Int64) {
        guard let request = pendingRequest else { return }
        settled = Rotation(generation: (settled?.generation ?? 0) &+ 1, request: request, at: time)
        pendingRequest = nil
    }

    /// The next generation could not be written down; nothing was answered, nothing has changed.
    mutating func failed() {
        pendingRequest = nil
    }
}
