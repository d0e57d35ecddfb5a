package import API

extension Setting {
    package static let feed = Setting(
        "MARTLET_FEED", .choice(["off"] + FeedAccess.allCases.map(\.rawValue)), default: "clients",
        "who may follow the revocations: clients with the scope \(FeedAccess.scope), or anyone")
}

/// Who may follow the revocations.
package struct FeedSettings: Sendable {
    static let settings: [Setting] = [.feed]

    /// Nil if the feed is off.
    package let access: FeedAccess?

    init(_ reader: inout SettingsReader) {
        access = reader.choice(
            .feed, { $0 == "off" ? .some(nil) : FeedAccess(rawValue: $0).map { .some($0) } }, otherwise: nil)
    }
}
