/// One setting: its name, the values that it accepts, its default, and what it means.
///
/// Each section declares its own settings. The environment, the flags of `serve`, `--help`, docs/configuration.md,
/// `openapi.yaml` and the messages about mistakes are all made from these values.
package struct Setting: Equatable, Sendable {
    /// The values that a setting accepts.
    package enum Kind: Equatable, Sendable {
        /// Text that the section checks.
        case text
        /// Texts that are separated by commas, which the section checks.
        case list
        /// A path that must not be empty.
        case path
        case choice([String])
        case number(ClosedRange<Int>)
        /// A number of threads, or `cores`.
        case workers(ClosedRange<Int>)
        /// Seconds, with a unit.
        case time(ClosedRange<Int64>)
        /// A decimal fraction from 0 to 1.
        case share
    }

    /// The name of the variable, such as `MARTLET_ACCESS_TTL`.
    package let name: String
    package let kind: Kind
    /// The value if nothing is set, as it would be written.
    package let defaultText: String
    private let meaning: String
    private let note: String?

    /// - Parameters:
    ///   - meaning: without the accepted values, which ``summary`` adds.
    ///   - note: follows the accepted values, for example what 0 means.
    init(_ name: String, _ kind: Kind, default defaultText: String = "", _ meaning: String, note: String? = nil) {
        self.name = name
        self.kind = kind
        self.defaultText = defaultText
        self.meaning = meaning
        self.note = note
    }

    /// The flag of `serve`: `MARTLET_ACCESS_TTL` is `--access-ttl`.
    package var flag: String {
        "--" + name.dropFirst("MARTLET_".count).lowercased().replacing("_", with: "-")
    }

    /// One line for `--help` and the documents, with the accepted values.
    package var summary: String {
        // A note says what 0 means, so it is not named twice.
        meaning + kind.accepted(isZeroNamed: note?.hasPrefix("0") == true) + (note.map { "; \($0)" } ?? "")
    }

    /// The value in `values`, or the default.
    package func text(in values: [String: String]) -> String { values[name] ?? defaultText }

    /// The entries of a list in `values`, without empty ones.
    package func list(in values: [String: String]) -> [String] {
        text(in: values).split(separator: ",").map(\.trimmingBlanks).filter { !$0.isEmpty }
    }
}

extension Setting: CustomStringConvertible {
    package var description: String { name }
}

extension Setting.Kind {
    /// The accepted values as ``Setting/summary`` contains them, from the separator on.
    fileprivate func accepted(isZeroNamed: Bool) -> String {
        switch self {
        case .text, .list, .path: ""
        case .choice(let words): ": \(Self.alternatives(words))"
        case .number(let range), .workers(let range):
            isZeroNamed && range.lowerBound == 0
                ? ", up to \(range.upperBound)" : ", \(range.lowerBound) to \(range.upperBound)"
        case .time(let range):
            isZeroNamed && range.lowerBound == 0
                ? ", up to \(TimeSpan.text(range.upperBound))"
                : ", \(TimeSpan.text(range.lowerBound)) to \(TimeSpan.text(range.upperBound))"
        case .share: ", 0 to 1"
        }
    }

    /// The accepted values as a message about a mistake contains them.
    var expected: String {
        switch self {
        case .text: "valid"
        case .list: "a comma-separated list"
        case .path: "a path"
        case .choice(let words): Self.alternatives(words)
        case .number(let range): "a whole number from \(range.lowerBound) to \(range.upperBound)"
        case .workers(let range): "a whole number from \(range.lowerBound) to \(range.upperBound), or cores"
        case .time(let range):
            "a time such as 90s, 10m, 12h or 14d, from \(TimeSpan.text(range.lowerBound)) to "
                + TimeSpan.text(range.upperBound)
        case .share: "a number from 0 to 1 such as 0.05"
        }
    }

    /// `a, b or c`.
    private static func alternatives(_ words: [String]) -> String {
        words.count < 2
            ? words.joined() : words.dropLast().joined(separator: ", ") + " or \(words[words.count - 1])"
    }
}
