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

    /// Starts the thread that serves the readers of the feed.
    func startFeed() throws(StartError) {
        guard let feed = shared.feed else { return }
        try Thread.start(name: "feed") { feed.run() }
    }
}
