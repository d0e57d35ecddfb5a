package import Platform
import Synchronization

/// The files that a running server reloads when they change. The settings are read only once, at start.
package enum ReloadSource: String, CaseIterable, Sendable {
    case settings, keys, users, clients, tls
}

/// The outcome of the last attempt to load each source.
package final class ReloadStatus: Sendable {
    package struct Entry: Equatable, Sendable {
        package let lastAttempt: UnixMilliseconds
        package let lastSuccess: UnixMilliseconds?
        /// Why the last attempt failed; nil if it succeeded.
        package let reason: String?

        package var isCurrent: Bool { reason == nil }
    }

    private let entries = Mutex<[ReloadSource: Entry]>([:])

    package init() {}

    /// Nil for a source that this server does not have, such as a certificate without TLS.
    package subscript(source: ReloadSource) -> Entry? { entries.withLock { $0[source] } }

    package func succeeded(_ source: ReloadSource, at now: UnixMilliseconds) {
        entries.withLock { $0[source] = Entry(lastAttempt: now, lastSuccess: now, reason: nil) }
    }

    /// Records that every source was read at the start.
    package func succeededAtStart(hasTLS: Bool, at now: UnixMilliseconds) {
        for source in ReloadSource.allCases where source != .tls || hasTLS { succeeded(source, at: now) }
    }

    /// Records a failed attempt; the previous content stays in use.
    package func failed(_ source: ReloadSource, at now: UnixMilliseconds, reason: String) {
        entries.withLock { entries in
            entries[source] = Entry(lastAttempt: now, lastSuccess: entries[source]?.lastSuccess, reason: reason)
        }
    }

    /// The sources whose last attempt failed, with the reasons.
    package var failures: [(source: ReloadSource, reason: String)] {
        entries.withLock { entries in
            ReloadSource.allCases.compactMap { source in entries[source]?.reason.map { (source, $0) } }
        }
    }
}
