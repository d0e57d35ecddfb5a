import Platform
import Revocation
import Synchronization

/// What the nodes of an engine say about themselves, compared with this one.
final class StorePeers: Sendable {
    private struct State {
        var nodes: [NodeReport] = []
        /// Since when the keys of a node differ, by the monotonic clock.
        var differsSince: [String: Int64] = [:]
    }

    private let state = Mutex(State())

    /// The nodes by the last answer of the engine.
    var nodes: [NodeReport] { state.withLock { $0.nodes } }

    /// How the other nodes differ from this one.
    struct Differences: Equatable, Sendable {
        /// Nodes that have had other keys for longer than a key takes to spread.
        var keys: [String] = []
        var settings: [String] = []
    }

    private static func differ(_ one: String, _ other: String) -> Bool {
        !one.isEmpty && !other.isEmpty && one != other
    }

    /// Notes an answer of the engine.
    func take(_ nodes: [NodeReport], own: NodeReport, at now: Int64, keySpread: Int64) -> Differences {
        state.withLock { state in
            state.nodes = nodes
            var found = Differences()
            var since: [String: Int64] = [:]
            for node in nodes where node.name != own.name {
                // A node that does not know its hashes yet says nothing about them.
                if Self.differ(node.settingsHash, own.settingsHash) { found.settings.append(node.name) }
                guard Self.differ(node.keyHash, own.keyHash) else { continue }
                let begin = state.differsSince[node.name] ?? now
                since[node.name] = begin
                if now &- begin >= keySpread { found.keys.append(node.name) }
            }
            state.differsSince = since
            return found
        }
    }
}
