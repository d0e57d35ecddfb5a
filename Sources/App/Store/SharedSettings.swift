import Encoding
import JOSE
import Keys
import OpenSSL
import Service
import Synchronization

/// What all nodes of an engine must have alike, as hashes that they compare.
package enum SharedSettings {
    /// The hash of the settings that decide the bytes of tokens and the outcome of a refresh.
    package static func hash(_ tokens: TokenSettings) -> String {
        let auth = tokens.auth
        var values = [auth.issuer, auth.audiences.joined(separator: ","), auth.algorithm.rawValue]
        values.append(auth.sharedSecretAudiences.sorted().joined(separator: ","))
        values.append(auth.extraClaims.sorted().joined(separator: ","))
        for time in [auth.accessLifetime, auth.refreshIdle, auth.sessionMax, tokens.refreshGrace] {
            values.append("\(time)")
        }
        values.append(auth.sessionList.map { list in list.perUser.map { "\($0)" } ?? "any" } ?? "off")
        return hash(of: values)
    }

    /// The names of the settings in ``hash(_:)``, for messages.
    package static let names = [
        Setting.issuer, .audience, .algorithm, .sharedSecretAudiences, .claims, .accessLifetime, .refreshIdle, .sessionMax,
        .refreshGrace, .sessions, .sessionsPerUser,
    ].map(\.name)

    /// The hash of the keys, by their ids.
    static func hash(_ keyring: Keyring) -> String {
        hash(of: keyring.keys.map { "\($0.kid) \($0.algorithm.rawValue) \($0.purpose.rawValue)" }.sorted())
    }

    /// The first half of SHA-256, in hexadecimal digits.
    private static func hash(of values: [String]) -> String {
        let bytes = Array(values.map { "\($0.utf8.count):\($0)" }.joined().utf8)
        return SHA256.digest(bytes.span).prefix(16).map { byte in
            let text = String(byte, radix: 16)
            return byte < 16 ? "0" + text : text
        }.joined()
    }
}

/// The keys that a node reports, which it reads after its ledger was opened.
final class ReportedKeys: Sendable {
    private let keyring = Mutex<Published<Keyring>?>(nil)

    func follow(_ published: Published<Keyring>) { keyring.withLock { $0 = published } }

    /// Empty until there are keys.
    var hash: String { keyring.withLock { $0 }.map { SharedSettings.hash($0.current) } ?? "" }
}
