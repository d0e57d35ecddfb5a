import Accounts
import JOSE
import Service
import Telemetry

extension ServiceContainer {
    /// Logs once that a request without an audience accepts tokens for all configured audiences.
    static func sayAudiences(_ authState: AuthSettings, _ log: Log) {
        guard authState.audiences.count > 1 else { return }
        log.write(.info, "several_audiences") { line in
            line.add("audiences", authState.audiences.joined(separator: " "))
            line.add("reason", "/verify and /auth accept a token for any of them unless the request names an audience")
        }
    }

    /// Warns if the secret that signs every token is shared with backends: they could forge tokens.
    static func sayShared(_ authState: AuthSettings, _ clients: ClientDirectory, _ log: Log) {
        guard authState.algorithm.isMAC else { return }
        let holders =
            (authState.algorithm == .hs256 ? authState.sharedSecretAudiences.sorted() : [])
            + clients.clients.filter { !$0.isDisabled && $0.algorithm == authState.algorithm.rawValue }.map(\.id)
        guard !holders.isEmpty else { return }
        log.write(.warning, "own_secret_shared") { line in
            line.add("shared_with", holders.joined(separator: " "))
            line.add(
                "reason",
                "\(Setting.algorithm.name) is \(authState.algorithm.rawValue), so anyone who has that secret can issue "
                    + "and revoke every token. Set \(Setting.algorithm.name) to a signature such as RS256")
        }
    }
}
