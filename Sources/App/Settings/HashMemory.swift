import Accounts

/// The memory that password hashing may use at the same time: half of the limit of the control group, so that logins of
/// an attacker never cause the kernel to kill the service.
struct HashMemory: Equatable {
    /// The bytes that one worker needs for the most expensive hash.
    let each: Int
    /// The number of threads that fit, at least one.
    let workers: Int
    /// Whether the wanted number of threads needs more than half of the limit.
    let isTight: Bool

    /// - Parameters:
    ///   - stored: bytes that the most expensive stored hash needs.
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
