import Service
import Telemetry

extension ServiceContainer {
    /// Says once what a backend of one audience may not expect: without a name, tokens of the others pass as well.
    static func sayAudiences(_ authState: AuthSettings, _ log: Log) {
        guard authState.audiences.count > 1 else { return }
        log.write(.info, "several_audiences") { line in
            line.add("audiences", authState.audiences.joined(separator: " "))
            line.add("reason", "/verify and /auth accept a token for any of them unless the request names an audience")
        }
    }
}
