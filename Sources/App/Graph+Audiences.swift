import Service
import Telemetry

extension Graph {
    /// Says once what a backend of one audience may not expect: without a name, tokens of the others pass as well.
    static func sayAudiences(_ realm: RealmSettings, _ log: Log) {
        guard realm.audiences.count > 1 else { return }
        log.write(.info, "several_audiences") { line in
            line.add("audiences", realm.audiences.joined(separator: " "))
            line.add("reason", "/verify and /auth accept a token for any of them unless the request names an audience")
        }
    }
}
