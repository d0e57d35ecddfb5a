import App
import Following
import HTTPClient
import JOSE
import Platform
import Service
import Telemetry

/// Builds what follows another server from the settings.
enum FollowedServer {
    /// - Returns: nil for a server with its own journal.
    /// - Throws: ``ConfigurationError`` for a URL that cannot be followed, ``StartError`` for the file of the credentials.
    static func node(_ configuration: Configuration, _ log: Log) throws -> FollowedNode? {
        let sources = try sources(configuration)
        guard let first = sources.first else { return nil }
        var credentials: BasicCredentials?
        do throws(FollowStartError) {
            credentials = try configuration.follow.credentialsPath.map { (path) throws(FollowStartError) in
                try FollowCredentials.read(path)
            }
        } catch {
            throw StartError(description: error.description, mayPass: error.mayPass)
        }
        let follow = configuration.follow
        let clock = CopyClock.system(wall: SystemClock.wall)
        let feed = Follower.feed(
            home: first, ageMax: follow.stalenessMax, rejectsStale: follow.rejectsStale, clock: clock)
        let follower = Follower(
            Follower.Options(
                sources: sources, credentials: credentials, issuer: configuration.tokens.auth.issuer,
                directory: configuration.journal.statePath, clock: clock), feed: feed, log: log)
        return FollowedNode(
            feed: feed, ledgerSource: follower.ledgerSource, storedKeySet: { follower.storedKeySet },
            start: {
                follower.start(
                    Follower.Sink(apply: $0.apply, add: $0.add, restart: $0.restart, takeKeys: $0.takeKeys))
            }, stop: { follower.stop() },
            snapshot: { known in
                Result { () throws(FileError) in
                    try follower.storedSnapshot(unless: known).map { .init(line: $0.line, live: $0.live) }
                }
            })
    }

    /// The URLs in the order of the setting.
    static func sources(_ configuration: Configuration) throws(ConfigurationError) -> [FollowSource] {
        var sources: [FollowSource] = []
        var mistakes: [String] = []
        for text in configuration.follow.sources {
            do throws(FetchError) {
                sources.append(try FollowSource(text))
            } catch {
                mistakes.append("\(Setting.follow.name): \(error)")
            }
        }
        guard mistakes.isEmpty else { throw ConfigurationError(mistakes: mistakes) }
        return sources
    }
}
