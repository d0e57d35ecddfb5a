package import Keys
import Tokens

extension Setting {
    package static let keys = Setting(
        "MARTLET_KEYS", .path, default: "keys", "directory of the keys; filled on the first start")
    package static let keyLead = Setting(
        "MARTLET_KEY_LEAD", .time(2...KeySettings.leadMax), default: "15m",
        "how long a new key is published before it signs")
    package static let keyRotation = Setting(
        "MARTLET_KEY_ROTATION", .time(0...34_560_000), default: "0s",
        "how long a key signs before the service replaces it", note: "0s for never")
}

/// Where the keys are, and when they are replaced.
package struct KeySettings: Sendable {
    static let settings: [Setting] = [.keys, .keyLead, .keyRotation]

    /// Seconds; also of `martlet keys rotate --lead`.
    package static let leadMax: Int64 = 604_800

    package let path: String
    /// Milliseconds that a new key is published before it signs.
    package let lead: Int64
    /// Milliseconds that a key signs before it is replaced; 0 for no limit.
    package let period: Int64

    init(_ reader: inout SettingsReader) {
        path = reader.path(.keys)
        let (lead, period) = (reader.seconds(.keyLead), reader.seconds(.keyRotation))
        if period != 0, period < 2 * lead {
            reader.complain(.keyRotation, "0s, or at least twice MARTLET_KEY_LEAD")
        }
        (self.lead, self.period) = (lead * 1_000, period * 1_000)
    }

    /// How many seconds verifiers may cache the published keys: half of the time before a new key signs, so that every
    /// verifier has a key before it needs it.
    package var setMaxAge: Int64 { min(300, lead / 2_000) }

    /// - Parameter refreshIdle: seconds that a session may go unused.
    package func schedule(refreshIdle: Int64) -> KeySchedule {
        KeySchedule(period: period, lead: lead, retention: KeyRetention(refreshIdle: refreshIdle))
    }
}
