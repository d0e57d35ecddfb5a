/// Everything that is wrong with the settings, one sentence each.
package struct ConfigurationError: Error, Equatable, Sendable {
    package let mistakes: [String]

    package init(mistakes: [String]) {
        self.mistakes = mistakes
    }
}

/// Reads settings one by one and collects every mistake, so that all are reported together.
package struct SettingsReader {
    private let values: [String: String]
    private(set) var mistakes: [String] = []

    private init(_ values: [String: String]) {
        self.values = values
    }

    /// Reads some settings, for a command that needs no others.
    ///
    /// - Parameter values: by name; defaults apply to those that are missing.
    package static func read<Value>(
        _ values: [String: String], _ body: (inout SettingsReader) -> Value
    ) throws(ConfigurationError) -> Value {
        var reader = SettingsReader(values)
        let value = body(&reader)
        guard reader.mistakes.isEmpty else { throw ConfigurationError(mistakes: reader.mistakes) }
        return value
    }

    /// Reports the names that begin with `MARTLET_` and that no setting has.
    ///
    /// - Parameter settings: all that there are.
    /// - Returns: those that are variables of Kubernetes and only look like settings.
    mutating func checkNames(_ settings: [Setting]) -> [String] {
        let known = settings.map(\.name)
        var links: [String] = []
        for (name, value) in values.sorted(by: { $0.key < $1.key })
        where name.hasPrefix("MARTLET_") && !known.contains(name) {
            if ServiceLink.isOne(name, value) {
                links.append(name)
            } else {
                let nearest = Self.nearest(to: name, among: known).map { "; did you mean \($0)?" } ?? ""
                mistakes.append("\(name): there is no such setting\(nearest)")
            }
        }
        return links
    }

    func text(_ setting: Setting) -> String { setting.text(in: values) }

    /// Whether there is a value, be it an empty one.
    func isSet(_ setting: Setting) -> Bool { values[setting.name] != nil }

    func list(_ setting: Setting) -> [String] { setting.list(in: values) }

    mutating func path(_ setting: Setting) -> String {
        let path = text(setting)
        if path.isEmpty || path.utf8.contains(0) { complain(setting) }
        return path
    }

    mutating func number(_ setting: Setting) -> Int {
        if case .number(let range) = setting.kind, let value = Int(text(setting)), range.contains(value) {
            return value
        }
        complain(setting)
        return 1
    }

    /// Reads a number of threads.
    ///
    /// - Parameter cores: what `cores` means.
    mutating func workers(_ setting: Setting, cores: Int) -> Int {
        if case .workers(let range) = setting.kind {
            if text(setting) == "cores" { return max(range.lowerBound, min(cores, range.upperBound)) }
            if let value = Int(text(setting)), range.contains(value) { return value }
        }
        complain(setting)
        return 1
    }

    /// Reads a time, in seconds.
    mutating func seconds(_ setting: Setting) -> Int64 {
        if case .time(let range) = setting.kind, let value = TimeSpan.seconds(text(setting)), range.contains(value) {
            return value
        }
        complain(setting)
        return 1
    }

    mutating func share(_ setting: Setting) -> Double {
        let text = text(setting)
        let isPlain = text.utf8.count <= 12 && text.utf8.allSatisfy { (0x30...0x39).contains($0) || $0 == 0x2e }
        if setting.kind == .share, isPlain, let value = Double(text), (0...1).contains(value) { return value }
        complain(setting)
        return 0
    }

    /// Reads one of the words of a `.choice`.
    ///
    /// - Parameter otherwise: the value after a mistake.
    mutating func choice<Value>(_ setting: Setting, _ parse: (String) -> Value?, otherwise: Value) -> Value {
        if case .choice(let words) = setting.kind, words.contains(text(setting)), let value = parse(text(setting)) {
            return value
        }
        complain(setting)
        return otherwise
    }

    /// Adds a mistake.
    ///
    /// - Parameter expected: completes the sentence "… is not"; nil for the accepted values of the setting.
    mutating func complain(_ setting: Setting, _ expected: String? = nil) {
        mistakes.append(
            "\(setting.name): «\(Self.printable(text(setting)))» is not \(expected ?? setting.kind.expected)")
    }

    /// Adds a mistake as a sentence, for a value that must not be repeated or that is wrong only together with others.
    mutating func add(_ setting: Setting, _ sentence: String) {
        mistakes.append("\(setting.name): \(sentence)")
    }

    /// Returns the text on one line, with every invisible character escaped, so that for example a line feed at the end
    /// is found.
    private static func printable(_ text: String) -> String {
        text.unicodeScalars.prefix(80).map { scalar in
            switch scalar {
            case "\n": "\\n"
            case "\r": "\\r"
            case "\t": "\\t"
            default:
                switch scalar.properties.generalCategory {
                case .control, .format, .lineSeparator, .paragraphSeparator:
                    "\\u{\(String(scalar.value, radix: 16))}"
                default: String(scalar)
                }
            }
        }.joined() + (text.unicodeScalars.count > 80 ? "…" : "")
    }
}

extension Substring {
    var trimmingBlanks: String {
        var rest = self
        while rest.first == " " { rest.removeFirst() }
        while rest.last == " " { rest.removeLast() }
        return String(rest)
    }
}
