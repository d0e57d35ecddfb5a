extension SettingsReader {
    /// Returns the setting that was probably meant: it differs in one or two letters.
    static func nearest(to name: String, among known: [String]) -> String? {
        let wanted = Array(name.utf8.prefix(64))
        let distances = known.map { ($0, distance(wanted, Array($0.utf8))) }
        guard let best = distances.min(by: { $0.1 < $1.1 }), best.1 <= 2 else { return nil }
        return best.0
    }

    /// Returns how many letters must be inserted, deleted or replaced.
    private static func distance(_ from: [UInt8], _ to: [UInt8]) -> Int {
        var last = Array(0...to.count)
        for (index, letter) in from.enumerated() {
            var row = [index + 1]
            for column in to.indices {
                row.append(min(last[column] + (to[column] == letter ? 0 : 1), last[column + 1] + 1, row[column] + 1))
            }
            last = row
        }
        return last[to.count]
    }
}
