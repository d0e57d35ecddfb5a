package import Keys
package import Platform
import Tokens

/// What `/admin/status` reports of the process beyond what changes with each request.
package struct ProcessFacts: Sendable {
    package let version: String
    package let pid: Int32
    /// Milliseconds since 1970.
    package let startedAt: UnixMilliseconds
    /// The files and directories in use, as absolute paths, by their content.
    package let paths: [(name: String, path: String)]

    package init(version: String, pid: Int32, startedAt: UnixMilliseconds, paths: [(name: String, path: String)]) {
        self.version = version
        self.pid = pid
        self.startedAt = startedAt
        self.paths = paths
    }
}

/// A key as the running service applies it, even if its file has changed.
package struct AppliedKey: Sendable {
    package let key: Key
    package let state: KeyState

    package init(key: Key, state: KeyState) {
        self.key = key
        self.state = state
    }
}
