import Revocation
import Store
import Telemetry

/// Writes what happens to the connection with an engine into the log.
enum StoreLog {
    static func say(_ event: StoreEvent, _ store: String, _ log: Log) {
        switch event {
        case .connected(let version, let identity, let position):
            log.write(.info, "store_connected") { line in
                line.add("store", store)
                line.add("engine", version)
                line.add("primary", identity)
                line.add("position", position.text)
            }
        case .away(let reason):
            log.write(.error, "store_unavailable") { line in
                line.add("store", store)
                line.add("reason", reason)
                line.add(
                    "remedy", "tokens are verified; logins, refreshes and revocations get 503 until the store answers")
            }
        case .rejected(let reason, let remedy):
            log.write(.error, "store_rejected") { line in
                line.add("store", store)
                line.add("reason", reason)
                line.add("remedy", remedy)
            }
        case .epochBegan(let position, let reason):
            log.write(.warning, "store_epoch_began") { line in
                line.add("position", position.text)
                line.add("reason", reason)
            }
        case .told(let records, let forks):
            log.write(.warning, "store_told") { line in
                line.add("records", records)
                line.add("forks", forks)
            }
        case .loaded(let records, let position):
            log.write(.info, "store_loaded") { line in
                line.add("records", records)
                line.add("position", position.text)
            }
        case .damaged(let reason): log.write(.error, "store_damaged") { $0.add("reason", reason) }
        case .flaws(let flaws, let areAccepted):
            for flaw in flaws {
                log.write(
                    areAccepted ? .warning : .error, areAccepted ? "store_durability_accepted" : "store_durability"
                ) {
                    line in
                    line.add("setting", flaw.setting)
                    line.add("value", flaw.value)
                    line.add("remedy", flaw.remedy)
                }
            }
        case .clockOffset(let milliseconds):
            log.write(.warning, "clock_off") { line in
                line.add("milliseconds", milliseconds)
                line.add("remedy", "set the clocks of all machines by NTP: above 5 s this server issues nothing")
            }
        case .unsentSent(let count): log.write(.warning, "lost_revocations_recorded") { $0.add("count", count) }
        case .copyUnwritable(let reason): log.write(.error, "store_copy_unwritable") { $0.add("reason", reason) }
        case .copyWritable: log.write(.warning, "store_copy_writable")
        case .nameTaken(let name):
            log.write(.error, "node_name_taken") { line in
                line.add("node", name)
                line.add("remedy", "another living server has this name: set \(Setting.node.name) to another one")
            }
        case .differs(let node, let what):
            log.write(.error, "store_nodes_differ") { line in
                line.add("node", node)
                line.add("what", what)
            }
        }
    }
}
