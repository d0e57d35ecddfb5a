/// Reads settings one by one and keeps every mistake, so that all are told at once.
struct SettingsReader {
    private let values: [String: String]
    private(set) var mistakes: [String] = []
    /// Variables of Kubernetes that only look like settings.
    let serviceLinks: [String]

    /// - Parameter values: by the names of ``Setting``. Names that begin like ours and are none of ours are mistakes.
    init(_ values: [String: String]) {
        self.values = values
        let known = Set(Setting.allCases.map(\.rawValue))
        let unknown = values.keys.sorted().filter { $0.hasPrefix("MARTLET_") && !known.contains($0) }
        let isLink: (String) -> Bool = { name in ServiceLink.isOne(name, values[name] ?? "") }
        serviceLinks = unknown.filter(isLink)
        for name in unknown where !isLink(name) {
            let nearest = Self.nearest(to: name).map { "; did you mean \($0)?" } ?? ""
            mistakes.append("\(name): there is no such setting\(nearest)")
        }
    }

    func text(_ setting: Setting) -> String {
        values[setting.rawValue] ?? setting.defaultText
    }

    mutating func path(_ setting: Setting) -> String {
        let path = text(setting)
        if path.isEmpty || path.utf8.contains(0) { complain(setting, "a path") }
        return path
    }

    func list(_ setting: Setting) -> [String] {
        text(setting).split(separator: ",").map { $0.trimmingBlanks }.filter { !$0.isEmpty }
    }

    mutating func number(_ setting: Setting, within range: ClosedRange<Int>) -> Int {
        if let value = Int(text(setting)), range.contains(value) { return value }
        complain(setting, "a whole number from \(range.lowerBound) to \(range.upperBound)")
        return range.lowerBound
    }

    /// A number, or the word `cores`.
    mutating func workers(_ setting: Setting, cores: Int) -> Int {
        text(setting) == "cores" ? max(1, min(cores, 256)) : number(setting, within: 1...256)
    }

    /// A whole number and a unit of `s`, `m`, `h` or `d`; in seconds.
    mutating func seconds(_ setting: Setting, within range: ClosedRange<Int64>) -> Int64 {
        if let value = TimeSpan.seconds(text(setting)), range.contains(value) { return value }
        complain(setting, "a time such as 90s, 10m, 12h or 14d, from \(range.lowerBound)s to \(range.upperBound)s")
        return range.lowerBound
    }

    /// A decimal fraction from 0 to 1.
    mutating func share(_ setting: Setting) -> Double {
        let text = text(setting)
        let isPlain = text.utf8.count <= 12 && text.utf8.allSatisfy { (0x30...0x39).contains($0) || $0 == 0x2e }
        if isPlain, let value = Double(text), (0...1).contains(value) { return value }
        complain(setting, "a number from 0 to 1 such as 0.05")
        return 0
    }

    mutating func choice<Value>(_ setting: Setting, _ parse: (String) -> Value?, expected: String, otherwise: Value)
        -> Value
    {
        if let value = parse(text(setting)) { return value }
        complain(setting, expected)
        return otherwise
    }

    mutating func complain(_ setting: Setting, _ expected: String) {
        mistakes.append("\(setting.rawValue): «\(Self.printable(text(setting)))» is not \(expected)")
    }

    /// On one line, with every character that cannot be seen spelled out, so that a line feed at the end is found.
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
