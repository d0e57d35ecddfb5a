import API
import Platform
import Revocation
import Service

extension ServiceContainer {
    /// - Returns: nil if the feed is off.
    static func feed(_ configuration: Configuration, _ authState: AuthState) -> FeedPublisher? {
        guard let access = configuration.feed.access, let feed = authState.revocations.feed else { return nil }
        let maker = MakeSnapshot(authState, directory: configuration.journal.statePath)
        let snapshots = FeedSnapshots(monotonic: authState.monotonic) { previous in
            do throws(SnapshotFailure) {
                return .success(try maker.make(after: previous))
            } catch {
                return .failure(error)
            }
        }
        return FeedPublisher(
            feed: feed, access: access, issuer: authState.settings.issuer, snapshots: snapshots,
            monotonic: MonotonicClock.nanoseconds)
    }

    /// The feed of a server that follows another one: the same records and positions, and the snapshot of the source.
    ///
    /// - Returns: nil if the feed is off.
    static func relay(
        _ configuration: Configuration, _ authState: AuthState, _ node: FollowedNode
    ) -> FeedPublisher? {
        guard let access = configuration.feed.access, let feed = authState.revocations.feed else { return nil }
        let snapshots = FeedSnapshots(monotonic: authState.monotonic) { [monotonic = authState.monotonic] previous in
            switch node.snapshot(previous?.signature) {
            case .failure(let error): return .failure(.unreadable("\(error)"))
            case .success(nil):
                return previous.map { .success($0) } ?? .failure(.unreadable("no snapshot was read yet"))
            case .success(let stored?):
                do throws(FileError) {
                    return .success(try RevocationSnapshot(stored.live, signature: stored.line, madeAt: monotonic()))
                } catch {
                    return .failure(.unreadable("\(error)"))
                }
            }
        }
        return FeedPublisher(
            feed: feed, access: access, issuer: authState.settings.issuer, snapshots: snapshots,
            age: { [feed = node.feed] in feed.age ?? .max }, monotonic: MonotonicClock.nanoseconds)
    }

    /// Starts the thread that serves the readers of the feed.
    func startFeed() throws(StartError) {
        guard let feed = shared.feed else { return }
        try Thread.start(name: "feed") { feed.run() }
    }
}
