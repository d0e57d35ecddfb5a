package import Accounts

extension Setting {
    package static let hashWorkers = Setting(
        "MARTLET_HASH_WORKERS", .workers(1...256), default: "cores", "threads that hash passwords")
    package static let hashQueue = Setting(
        "MARTLET_HASH_QUEUE", .number(1...65_536), default: "64", "logins that may wait for a worker")
    package static let argon2Memory = Setting(
        "MARTLET_ARGON2_MEMORY", .number(7_168...Argon2Parameters.memoryKiBMax),
        default: "\(Argon2Parameters.standard.memoryKiB)", "Argon2id memory in KiB")
    package static let argon2Passes = Setting(
        "MARTLET_ARGON2_PASSES", .number(1...64), default: "\(Argon2Parameters.standard.passes)", "Argon2id passes")
    package static let argon2Lanes = Setting(
        "MARTLET_ARGON2_LANES", .number(1...Argon2Parameters.lanesMax), default: "\(Argon2Parameters.standard.lanes)",
        "Argon2id lanes")
}

/// How passwords are hashed.
package struct HashingSettings: Sendable {
    static let settings: [Setting] = [.hashWorkers, .hashQueue, .argon2Memory, .argon2Passes, .argon2Lanes]

    package let workers: Int
    package let queue: Int
    package let argon2: Argon2Parameters

    init(_ reader: inout SettingsReader, cores: Int) {
        workers = reader.workers(.hashWorkers, cores: cores)
        queue = reader.number(.hashQueue)
        argon2 = Self.argon2(&reader)
    }

    /// Reads the cost of new hashes.
    package static func argon2(_ reader: inout SettingsReader) -> Argon2Parameters {
        let memory = reader.number(.argon2Memory)
        let passes = reader.number(.argon2Passes)
        let lanes = reader.number(.argon2Lanes)
        guard let parameters = Argon2Parameters(memoryKiB: memory, passes: passes, lanes: lanes), parameters.isAdequate
        else {
            reader.complain(
                .argon2Memory,
                "suitable for these passes and lanes: 19456 KiB for 2 passes, 12288 for 3, 9216 for 4, "
                    + "7168 for 5 or more")
            return .standard
        }
        return parameters
    }
}
