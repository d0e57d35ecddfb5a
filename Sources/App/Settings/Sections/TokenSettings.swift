import Accounts
import JOSE
package import Service
import Tokens

extension Setting {
    package static let issuer = Setting(
        "MARTLET_ISSUER", .text, default: "http://127.0.0.1:8080",
        "iss of every token: an https URL without query or fragment (http for loopback)")
    package static let audience = Setting(
        "MARTLET_AUDIENCE", .list, default: "api",
        "audiences that tokens may have, comma-separated; the first is the default")
    package static let algorithm = Setting(
        "MARTLET_ALG", .choice(Algorithm.allCases.map(\.rawValue)), default: "RS256",
        "algorithm that signs access tokens")
    package static let sharedSecretAudiences = Setting(
        "MARTLET_HS256_AUDIENCES", .list, "audiences whose access tokens are HS256, comma-separated")
    package static let claims = Setting(
        "MARTLET_CLAIMS", .list, "extra claims of users.json that tokens may contain, comma-separated")
    package static let accessLifetime = Setting(
        "MARTLET_ACCESS_TTL", .time(TokenLimits.standard.accessLifetime), default: "10m",
        "lifetime of an access token")
    package static let refreshIdle = Setting(
        "MARTLET_REFRESH_IDLE", .time(TokenLimits.standard.sessionLifetime), default: "14d",
        "how long a session may go unused")
    package static let sessionMax = Setting(
        "MARTLET_SESSION_MAX", .time(TokenLimits.standard.sessionLifetime), default: "90d",
        "how long a session may last")
    package static let sessions = Setting(
        "MARTLET_SESSIONS", .choice(["off", "on"]), default: "off",
        "whether users can list and end their sessions")
    package static let sessionsPerUser = Setting(
        "MARTLET_SESSIONS_PER_USER", .number(0...10_000), default: "0",
        "sessions that a user may have; a login ends the oldest beyond", note: "0 for no limit")
    package static let refreshGrace = Setting(
        "MARTLET_REFRESH_GRACE", .time(0...TokenLimits.standard.refreshGraceMax), default: "10s",
        "how long a just-used refresh token may be replayed")
    package static let leeway = Setting(
        "MARTLET_LEEWAY", .time(0...TokenLimits.standard.leewayMax), default: "0s",
        "tolerated difference between clocks")
}

/// What tokens contain, who signs them, and how long they live.
package struct TokenSettings: Sendable {
    static let settings: [Setting] = [
        .issuer, .audience, .algorithm, .sharedSecretAudiences, .claims, .accessLifetime, .refreshIdle, .sessionMax,
        .refreshGrace, .leeway, .sessions, .sessionsPerUser,
    ]

    package let auth: AuthSettings
    /// Milliseconds.
    package let refreshGrace: Int64

    /// - Parameter keySetMaxAge: how many seconds verifiers may cache the published keys.
    init(_ reader: inout SettingsReader, keySetMaxAge: Int64) {
        refreshGrace = reader.seconds(.refreshGrace) * 1_000
        let issuer = reader.text(.issuer)
        if !Self.isIssuer(issuer) {
            reader.complain(.issuer, "an https URL without query and fragment (http is accepted for loopback only)")
        }
        let audiences = reader.list(.audience)
        if audiences.isEmpty || !audiences.allSatisfy(Self.isAudience) || Set(audiences).count != audiences.count {
            reader.complain(
                .audience, "a comma-separated list of different names without spaces, quotes or control characters")
        }
        let shared = reader.list(.sharedSecretAudiences)
        if !shared.allSatisfy(audiences.contains) { reader.complain(.sharedSecretAudiences, "among MARTLET_AUDIENCE") }
        let claims = reader.list(.claims)
        if claims.contains(where: { User.reservedClaims.contains($0) }) {
            reader.complain(.claims, "allowed: it contains a claim that Martlet sets itself")
        }
        auth = AuthSettings(
            issuer: issuer, audiences: audiences.isEmpty ? [Setting.audience.defaultText] : audiences,
            algorithm: reader.choice(.algorithm, Algorithm.init(rawValue:), otherwise: .rs256),
            sharedSecretAudiences: Set(shared), extraClaims: Set(claims),
            accessLifetime: reader.seconds(.accessLifetime), refreshIdle: reader.seconds(.refreshIdle),
            sessionMax: reader.seconds(.sessionMax), leeway: reader.seconds(.leeway), keySetMaxAge: keySetMaxAge,
            sessionList: Self.sessionList(&reader))
    }

    private static func sessionList(_ reader: inout SettingsReader) -> SessionListSettings? {
        let isOn = reader.choice(.sessions, { $0 == "on" }, otherwise: false)
        let perUser = reader.number(.sessionsPerUser)
        if perUser > 0, !isOn {
            reader.complain(.sessionsPerUser, "possible while MARTLET_SESSIONS is off: set MARTLET_SESSIONS=on")
        }
        return isOn ? SessionListSettings(perUser: perUser > 0 ? perUser : nil) : nil
    }

    /// RFC 8414 §2; plain http is for tests on loopback.
    static func isIssuer(_ text: String) -> Bool {
        guard text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f && $0 != 0x22 && $0 != 0x5c }) else { return false }
        guard !text.contains("?"), !text.contains("#"), text.utf8.count <= 256 else { return false }
        if text.hasPrefix("https://") { return text.utf8.count > 8 }
        let hosts = ["http://127.0.0.1", "http://localhost", "http://[::1]"]
        return hosts.contains { text == $0 || text.hasPrefix($0 + ":") || text.hasPrefix($0 + "/") }
    }

    private static func isAudience(_ text: String) -> Bool {
        text.utf8.count <= 256 && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f && $0 != 0x22 && $0 != 0x5c }
    }
}
