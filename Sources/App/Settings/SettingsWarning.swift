/// Settings that are accepted, but that may not do what the operator wants.
package struct SettingsWarning: Sendable {
    /// The event of the log line.
    package let event: StaticString
    package let names: [String]
    package let remedy: String

    /// Settings of browser mode, while it is off.
    static func ofUnused(_ settings: [Setting], _ reader: SettingsReader) -> [SettingsWarning] {
        let names = settings.filter { $0 != .browser && reader.text($0) != $0.defaultText }.map(\.name)
        guard !names.isEmpty else { return [] }
        return [
            SettingsWarning(
                event: "browser_settings_unused", names: names,
                remedy: "they do nothing while MARTLET_BROWSER is off: set MARTLET_BROWSER=on, or remove them")
        ]
    }

    /// Without a grace time, the second of two tabs that refresh at once presents a used token.
    static func ofGrace(_ reader: SettingsReader) -> [SettingsWarning] {
        guard TimeSpan.seconds(reader.text(.refreshGrace)) == 0 else { return [] }
        return [
            SettingsWarning(
                event: "refresh_grace_off", names: [Setting.refreshGrace.name],
                remedy:
                    "with MARTLET_BROWSER=on, two tabs that refresh at once sign their user out: set \(Setting.refreshGrace.name) to at least 2s"
            )
        ]
    }

    /// An issuer with a path, and no word about where browsers find the service. Both answers are possible, so an empty
    /// value is one as well.
    static func ofPublicPath(_ reader: SettingsReader, _ issuer: String) -> [SettingsWarning] {
        let path = issuer.dropFirst(BrowserSettings.origin(of: issuer).count)
        let trimmed = path.hasSuffix("/") ? path.dropLast() : path
        guard !trimmed.isEmpty, !reader.isSet(.publicPath) else { return [] }
        let name = Setting.publicPath.name
        return [
            SettingsWarning(
                event: "public_path_unset", names: [name],
                remedy:
                    "MARTLET_ISSUER has a path. If browsers find Martlet below it, set \(name)=\(trimmed), or no refresh will work; if they find it at the root of a host, set \(name) to the empty value"
            )
        ]
    }
}
