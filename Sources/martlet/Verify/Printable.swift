import Encoding
import Platform

/// Makes text from tokens, other servers and the command line safe for a terminal or a build log: one line without
/// anything that a terminal or a CI runner interprets.
enum Printable {
    /// Escapes control characters, and those that reorder or hide text, as `\u{...}`; also a `#` after another one,
    /// with which CI runners begin their commands anywhere in a line (`##[...]`, `##vso[...]`).
    static func text(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: { isHostile($0) || $0 == "#" }) else { return text }
        var output = ""
        var last: Unicode.Scalar?
        for scalar in text.unicodeScalars {
            defer { last = scalar }
            if isHostile(scalar) || isCommand(scalar, after: last) {
                output += "\\u{\(String(scalar.value, radix: 16))}"
            } else {
                output.unicodeScalars.append(scalar)
            }
        }
        return output
    }

    /// Returns at most `count` characters of the escaped text.
    static func short(_ text: String, count: Int = 120) -> String {
        let whole = self.text(text)
        return whole.count <= count ? whole : whole.prefix(count) + "…"
    }

    /// Returns whether a scalar would complete the marker of a build command.
    static func isCommand(_ scalar: Unicode.Scalar, after last: Unicode.Scalar?) -> Bool {
        scalar == "#" && last == "#"
    }

    static func isHostile(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0..<0x20, 0x7F..<0xA0, 0xAD, 0x061C, 0x200B...0x200F, 0x2028...0x202E, 0x2060...0x206F, 0xFEFF,
            0xFFF9...0xFFFB,
            0xE0000...0xE007F:
            true
        default: false
        }
    }
}

/// Formats and parses durations and times.
enum TimeText {
    /// Formats a duration as `9m 52s`, `3h 5m`, `2d 4h`: the two largest units.
    static func span(_ seconds: Int64) -> String {
        let units: [(Int64, String)] = [(86_400, "d"), (3_600, "h"), (60, "m"), (1, "s")]
        let index = units.firstIndex { seconds >= $0.0 } ?? units.count - 1
        var rest = max(0, seconds)
        var parts: [String] = []
        for (size, name) in units[index...].prefix(2) {
            if rest / size > 0 || parts.isEmpty { parts.append("\(rest / size)\(name)") }
            rest %= size
        }
        return parts.joined(separator: " ")
    }

    /// Formats a time as `2026-11-21T03:00:00Z`.
    static func moment(_ seconds: UnixSeconds) -> String {
        guard seconds >= 0 else { return "before 1970" }
        guard seconds <= 253_402_300_799 else { return "after 9999" }
        var output: [UInt8] = []
        ISO8601.write(milliseconds: seconds.milliseconds, to: &output)
        return String(decoding: output.dropLast(5), as: UTF8.self) + "Z"
    }

    /// Parses a duration on the command line: `90s`, `15m`, `12h`, `7d`, or seconds alone.
    static func seconds(_ text: String) -> Int64? {
        let scales: [Character: Int64] = ["s": 1, "m": 60, "h": 3_600, "d": 86_400]
        let scale = text.last.flatMap { scales[$0] }
        let digits = scale == nil ? text[...] : text.dropLast()
        guard (1...9).contains(digits.utf8.count), digits.utf8.allSatisfy({ 0x30...0x39 ~= $0 }),
            let count = Int64(digits)
        else { return nil }
        return count * (scale ?? 1)
    }
}
