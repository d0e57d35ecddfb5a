extension Setting {
    package static let sessionData = Setting(
        "MARTLET_SESSION_DATA", .choice(["off", "on"]), default: "off",
        "whether each session has a small JSON object at /session/data; needs an engine in MARTLET_STORE")
}

/// Whether sessions have data.
package struct SessionDataSettings: Sendable {
    static let settings: [Setting] = [.sessionData]

    package let isOn: Bool

    init(_ reader: inout SettingsReader) {
        isOn = reader.choice(.sessionData, { $0 == "on" }, otherwise: false)
        if isOn, reader.text(.store) == Setting.store.defaultText {
            reader.add(
                .sessionData,
                "only Redis and PostgreSQL store the data of sessions, and \(Setting.store.name) names neither. Set \(Setting.store.name) to the address of one, or set \(Setting.sessionData.name)=off"
            )
        }
    }
}
