/// The value of the field `Revocation-Age`.
enum RevocationAge {
    /// Seconds with three decimals.
    static func text(_ milliseconds: Int64) -> String {
        let age = max(0, milliseconds)
        let rest = String(age % 1_000)
        return "\(age / 1_000)." + String(repeating: "0", count: 3 - rest.utf8.count) + rest
    }
}
