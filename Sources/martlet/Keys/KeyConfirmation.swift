import App
import Glibc
import Keys

/// Waits until the running service applies a change of the keys. Without this confirmation, a leaked key could continue
/// to sign.
struct KeyConfirmation {
    /// A new key that signs after this time is confirmed when the service has it; in milliseconds.
    static let signingMilliseconds: Int64 = 5_000
    private static let limitMilliseconds: Int64 = 10_000
    /// How long to wait once the service reports that it cannot read the keys, in milliseconds.
    private static let failingMilliseconds: Int64 = 3_000
    private static let pauseMicroseconds: UInt32 = 100_000

    let path: String
    /// The name of the completed step for messages, such as `rotate`.
    let step: String

    /// Waits for the confirmation.
    ///
    /// - Parameter isApplied: returns whether the keys that the service applies include the change.
    /// - Returns: false if no running service uses the keys.
    /// - Throws: `.refused` if the change could not be confirmed. The files are changed in any case.
    func wait(until isApplied: ([ServiceStatus.AppliedKey]) -> Bool) throws(CommandError) -> Bool {
        guard KeyDirectoryUse.isMarked(path) else {
            Terminal.writeError(
                "no running service on this machine uses \(path); the change applies at the next start\n")
            return false
        }
        guard let client = OperatorClient(Environment.values) else {
            throw unconfirmed(
                "\(Setting.operatorListen.name) names no Unix socket over which to ask it. Use the same value as the "
                    + "service, for example unix:/run/martlet/operator.sock")
        }
        let began = MonotonicClock.nanoseconds()
        while true {
            let status: ServiceStatus
            do throws(OperatorError) {
                status = try client.status()
            } catch {
                // The service has stopped meanwhile; its next start reads the new files.
                guard KeyDirectoryUse.isMarked(path) else { return false }
                throw unconfirmed("\(error)")
            }
            try checkDirectory(status, client)
            if isApplied(status.keys) {
                Terminal.writeError("applied by the running service (process \(status.pid))\n")
                return true
            }
            let failure = status.reload(of: "keys")?.reason
            let limit = failure == nil ? Self.limitMilliseconds : Self.failingMilliseconds
            guard MonotonicClock.nanoseconds() - began < limit * 1_000_000 else {
                throw unconfirmed(
                    "it has not applied the change within \(limit / 1_000) s" + (failure.map { ": \($0)" } ?? ""))
            }
            usleep(Self.pauseMicroseconds)
        }
    }

    /// Checks that the service uses this directory; another service would confirm nothing. If the service runs in
    /// another mount namespace, its path may not be meaningful here.
    private func checkDirectory(_ status: ServiceStatus, _ client: OperatorClient) throws(CommandError) {
        guard let other = status.paths["keys"], let theirs = Self.identity(other), let ours = Self.identity(path),
            theirs != ours
        else { return }
        throw unconfirmed("the service on \(client.path) uses \(other)")
    }

    private static func identity(_ path: String) -> [UInt64]? {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else { return nil }
        return [UInt64(status.st_dev), UInt64(status.st_ino)]
    }

    private func unconfirmed(_ reason: String) -> CommandError {
        .refused(
            "\(path) has changed, but a running service uses it and \(step) is not confirmed: \(reason). "
                + "martlet status shows the keys that it applies")
    }
}
