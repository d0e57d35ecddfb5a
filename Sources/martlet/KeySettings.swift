import Assembly
import Service
import Token

/// What the commands need to know of the service's settings: the same environment, read by the same rules.
struct KeySettings {
    let algorithm: Algorithm
    /// Milliseconds.
    let lead: Int64
    /// Seconds that verifiers may keep the published set.
    let setMaxAge: Int64
    let retention: KeyRetention

    init() throws(CommandFault) {
        do {
            let configuration = try Configuration(environment: Environment.values, cores: Environment.coreCount)
            algorithm = configuration.realm.algorithm
            lead = configuration.keyLead
            setMaxAge = configuration.realm.keySetMaxAge
            retention = KeyRetention(refreshIdle: configuration.realm.refreshIdle)
        } catch {
            throw .usage(error.mistakes.joined(separator: "\n"))
        }
    }

    static func milliseconds(_ text: String) throws(CommandFault) -> Int64 {
        guard let time = Configuration.milliseconds(text), time <= 604_800_000 else {
            throw .usage("--lead must be a time such as 90s, 15m or 1h, 7d at most")
        }
        return time
    }
}
