extension Setting {
    package static let follow = Setting(
        "MARTLET_FOLLOW", .list,
        "URLs of servers whose revocations this one follows instead of having a journal, comma-separated; "
            + "empty for none")
    package static let followCredentials = Setting(
        "MARTLET_FOLLOW_CREDENTIALS", .text,
        "file with client_id:secret of a client there with the scope revocations:read; empty for a public feed")
    package static let stalenessMax = Setting(
        "MARTLET_STALENESS_MAX", .time(0...3_600), default: "60s",
        "age of what a server with MARTLET_FOLLOW or MARTLET_STORE knows from which /readyz says stale",
        note: "0s for never")
    package static let stale = Setting(
        "MARTLET_STALE", .choice(["serve", "refuse"]), default: "serve",
        "whether a stale server still verifies tokens")
}

/// Whose feed the server follows, and what it does while it cannot.
package struct FollowSettings: Sendable {
    static let settings: [Setting] = [.follow, .followCredentials, .stalenessMax, .stale]

    /// The URLs as they were given, which the command checks; empty for a server with its own journal.
    package let sources: [String]
    /// Nil without credentials.
    package let credentialsPath: String?
    /// Milliseconds; nil for no limit.
    package let stalenessMax: Int64?
    package let rejectsStale: Bool

    init(_ reader: inout SettingsReader) {
        sources = reader.list(.follow)
        let credentials = reader.text(.followCredentials)
        credentialsPath = credentials.isEmpty ? nil : credentials
        let seconds = reader.seconds(.stalenessMax)
        stalenessMax = seconds == 0 ? nil : seconds * 1_000
        rejectsStale = reader.choice(.stale, { $0 == "refuse" }, otherwise: false)
        if sources.isEmpty {
            if !credentials.isEmpty { reader.complain(.followCredentials, "possible without MARTLET_FOLLOW") }
        } else if reader.text(.issuer) == Setting.issuer.defaultText {
            reader.complain(
                .issuer, "the issuer of the server in MARTLET_FOLLOW: set MARTLET_ISSUER to the same value as there")
        }
        if rejectsStale, stalenessMax == nil { reader.complain(.stale, "possible with MARTLET_STALENESS_MAX=0s") }
    }
}
