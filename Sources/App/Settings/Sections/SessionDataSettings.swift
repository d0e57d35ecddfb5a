extension Setting {
    package static let sessionData = Setting(
        "MARTLET_SESSION_DATA", .choice(["off", "on"]), default: "off",
        "whether each session has a small JSON object at /session/data; needs Redis or PostgreSQL in MARTLET_STORE")
}

/// Whether sessions have data.
package struct SessionDataSettings: Sendable {
    static let settings: [Setting] = [.sessionData]

    package let isOn: Bool

    /// - Parameter hasEngine: whether the store is one that several nodes share.
    init(_ reader: inout SettingsReader, hasEngine: Bool) {
        isOn = reader.choice(.sessionData, { $0 == "on" }, otherwise: false)
        if isOn, !hasEngine {
            reader.complain(
                .sessionData,
                "possible while MARTLET_STORE is file: only Redis and PostgreSQL store data of sessions. Set MARTLET_STORE to the address of one, or set MARTLET_SESSION_DATA=off"
            )
        }
    }
}
