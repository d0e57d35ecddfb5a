/// A YAML value that prints itself: on one line if that is easy to read, otherwise indented.
package indirect enum YAML: Sendable {
    /// YAML text, such as a number.
    case plain(String)
    /// A string, which is quoted if YAML would read it as anything else.
    case text(String)
    case list([YAML])
    case map([(String, YAML)])

    private static let widthMax = 150
    /// How many maps may be within one another on one line.
    private static let depthMax = 2

    /// The value on one line.
    private var line: String {
        switch self {
        case .plain(let text): text
        case .text(let text): Self.isPlain(text) ? text : Self.quoted(text)
        case .list(let items): "[" + items.map(\.line).joined(separator: ", ") + "]"
        case .map(let pairs): "{" + pairs.map { "\($0.0): \($0.1.line)" }.joined(separator: ", ") + "}"
        }
    }

    private var depth: Int {
        switch self {
        case .plain, .text: 0
        case .list(let items): items.map(\.depth).max() ?? 0
        case .map(let pairs): 1 + (pairs.map(\.1.depth).max() ?? 0)
        }
    }

    private var isOnOneLine: Bool {
        switch self {
        case .plain, .text: true
        case .list, .map: depth <= Self.depthMax && Self.fits(line)
        }
    }

    private static func fits(_ line: String) -> Bool {
        // Counting characters takes longer, and there are never more of them than bytes.
        line.utf8.count <= widthMax || line.count <= widthMax
    }

    private var lines: [String] {
        switch self {
        case .list(let items) where !isOnOneLine: items.flatMap { Self.hung("- ", $0.lines) }
        case .map(let pairs) where !isOnOneLine: pairs.flatMap { Self.member($0.0, $0.1) }
        case .plain, .text, .list, .map: [line]
        }
    }

    /// The lines of a member of a map.
    static func member(_ name: String, _ value: YAML) -> [String] {
        value.isOnOneLine ? ["\(name): \(value.line)"] : ["\(name):"] + value.lines.map { "  " + $0 }
    }

    private static func hung(_ mark: String, _ lines: [String]) -> [String] {
        lines.enumerated().map { ($0.offset == 0 ? mark : "  ") + $0.element }
    }

    static func quoted(_ text: String) -> String {
        var quoted: [UInt8] = []
        quoted.reserveCapacity(text.utf8.count + 16)
        quoted.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { quoted.append(UInt8(ascii: "\\")) }
            quoted.append(byte)
        }
        quoted.append(UInt8(ascii: "\""))
        return String(decoding: quoted, as: UTF8.self)
    }

    /// Whether YAML reads the text as this string without quotes, also within braces.
    private static func isPlain(_ text: String) -> Bool {
        guard let first = text.utf8.first, UInt8(ascii: "a") <= first | 0x20, first | 0x20 <= UInt8(ascii: "z"),
            !["true", "false", "null", "yes", "no", "on", "off", "y", "n"].contains(text.lowercased())
        else { return false }
        return !text.hasSuffix(" ")
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"):
                    true
                default: " .-_'+/".utf8.contains(byte)
                }
            }
    }
}
