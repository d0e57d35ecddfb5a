/// Durations as settings and options contain them: a whole number and a unit, such as `90s`, `10m`, `12h` or `14d`.
package enum TimeSpan {
    private static let units: [(name: Character, seconds: Int64)] = [("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)]

    /// Parses a duration.
    ///
    /// - Returns: seconds; nil for any other text.
    package static func seconds(_ text: String) -> Int64? {
        guard let unit = text.last, let count = Int64(text.dropLast()), count >= 0,
            let scale = units.first(where: { $0.name == unit })?.seconds
        else { return nil }
        let (product, overflow) = count.multipliedReportingOverflow(by: scale)
        return overflow ? nil : product
    }

    /// Formats a duration in the largest unit that divides it, but a single day as `24h` and a single minute as `60s`.
    package static func text(_ seconds: Int64) -> String {
        for unit in units where seconds % unit.seconds == 0 {
            let count = seconds / unit.seconds
            if count > 1 || (count == 1 && unit.name == "h") || unit.seconds == 1 { return "\(count)\(unit.name)" }
        }
        return "\(seconds)s"
    }
}
