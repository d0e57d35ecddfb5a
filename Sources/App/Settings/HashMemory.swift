import Accounts

/// How much memory password hashing may take at once: half of what the control group allows, so that logins of strangers
/// never have the kernel end the service.
struct HashMemory: Equatable {
    /// What one worker takes for the most expensive hash, in bytes.
    let each: Int
    /// Threads that can be afforded, at least one.
    let workers: Int
    /// Whether what was wanted is more than half of the limit.
    let isTight: Bool

    /// - Parameters:
    ///   - stored: bytes that the most expensive stored hash takes.
    ///   - limit: bytes; nil for no limit.
    init(wanted: Int, parameters: Argon2Parameters, stored: Int, limit: Int?) {
        each = max(parameters.memoryKiB << 10, stored)
        guard let limit, each > 0 else {
            workers = wanted
            isTight = false
            return
        }
        let affordable = limit / 2 / each
        workers = min(wanted, max(affordable, 1))
        isTight = affordable < wanted
    }
}
