import Octets

/// Reads one of our own JSON files: an object with one list of objects. Whatever is wrong is told with its line.
struct TableReader {
    static let byteCountMax = 64 << 20

    let path: String
    private let bytes: [UInt8]
    private var document: JSONDocument

    init(parsing bytes: [UInt8], path: String) throws(AccountsFault) {
        self.path = path
        self.bytes = bytes
        document = JSONDocument(
            limits: JSONLimits(depthMax: 32, memberMax: 8_000_000, byteCountMax: Self.byteCountMax))
        do throws(JSONFault) {
            try document.parse(bytes.span)
        } catch .tooLarge {
            throw .tooLarge(path: path, byteCountMax: Self.byteCountMax)
        } catch {
            let line = Self.line(of: error.offset ?? bytes.count, in: bytes)
            throw .malformed(path: path, line: line, expected: Self.expected(error))
        }
    }

    private static func expected(_ fault: JSONFault) -> String {
        switch fault {
        case .tooLarge: "a smaller file"
        case .tooDeep: "JSON that is nested less deeply"
        case .tooManyValues: "JSON with fewer values"
        case .notUTF8: "JSON in UTF-8"
        case .byteOrderMark: "JSON without a byte order mark"
        case .unexpected: "JSON, and something else is here"
        case .unterminated: "JSON, and the file ends in the middle"
        case .duplicateMember: "JSON with each member only once in its object"
        case .badEscape, .loneSurrogate: "JSON with valid escapes in its strings"
        case .badNumber: "JSON with valid numbers"
        case .trailing: "JSON and nothing after it"
        }
    }

    /// The objects in the list that is the root's only member.
    func rows(_ name: StaticString) throws(AccountsFault) -> [Row] {
        guard document.kind(0) == .object, document.count(0) == 1,
            let list = document.member(name, of: 0, in: bytes.span), document.kind(list) == .array
        else { throw fault(at: 0, "an object with one member, \"\(name)\", a list") }
        var rows: [Row] = []
        rows.reserveCapacity(document.count(list))
        for node in document.children(list) {
            guard document.kind(node) == .object else { throw fault(at: node, "an object") }
            rows.append(Row(node: node))
        }
        return rows
    }

    /// One object of the list.
    struct Row {
        fileprivate let node: JSONDocument.Node
    }

    /// Refuses members that mean nothing here: a misspelt `"disabled"` must not leave somebody enabled.
    func check(_ row: Row, members known: [String]) throws(AccountsFault) {
        for (name, _) in document.members(row.node) {
            let text = document.string(name, in: bytes.span) ?? ""
            guard known.contains(text) else { throw fault(at: name, "one of \(known.joined(separator: ", "))") }
        }
    }

    func string(_ name: StaticString, of row: Row, expected: String, where holds: (String) -> Bool)
        throws(AccountsFault)
        -> String
    {
        guard let text = try optionalString(name, of: row, expected: expected, where: holds) else {
            throw fault(at: row.node, "a member \"\(name)\": \(expected)")
        }
        return text
    }

    func optionalString(
        _ name: StaticString, of row: Row, expected: String, where holds: (String) -> Bool
    ) throws(AccountsFault) -> String? {
        guard let node = member(name, of: row) else { return nil }
        guard let text = document.string(node, in: bytes.span), holds(text) else {
            throw fault(at: node, "\"\(name)\": \(expected)")
        }
        return text
    }

    /// A list of different strings; none if there is no such member.
    func strings(_ name: StaticString, of row: Row, expected: String, where holds: (String) -> Bool)
        throws(AccountsFault)
        -> [String]
    {
        guard let list = member(name, of: row) else { return [] }
        guard document.kind(list) == .array else { throw fault(at: list, "\"\(name)\": a list") }
        var texts: [String] = []
        for node in document.children(list) {
            guard let text = document.string(node, in: bytes.span), holds(text) else {
                throw fault(at: node, "in \"\(name)\": \(expected)")
            }
            guard !texts.contains(text) else { throw fault(at: node, "in \"\(name)\": each only once") }
            texts.append(text)
        }
        return texts
    }

    func bool(_ name: StaticString, of row: Row) throws(AccountsFault) -> Bool {
        guard let node = member(name, of: row) else { return false }
        switch document.kind(node) {
        case .true: return true
        case .false: return false
        default: throw fault(at: node, "\"\(name)\": true or false")
        }
    }

    /// Milliseconds since 1970; 0 if there is no such member.
    func milliseconds(_ name: StaticString, of row: Row) throws(AccountsFault) -> Int64 {
        guard let node = member(name, of: row) else { return 0 }
        guard let number = document.integer(node, in: bytes.span), number >= 0 else {
            throw fault(at: node, "\"\(name)\": milliseconds since 1970")
        }
        return number
    }

    /// An object as it stands in the file; `{}` if there is no such member.
    func claims(_ name: StaticString, of row: Row) throws(AccountsFault) -> [UInt8] {
        guard let node = member(name, of: row) else { return Array("{}".utf8) }
        let raw = Array(bytes[document.range(node)])
        guard document.kind(node) == .object, Claims.isAcceptable(raw) else {
            throw fault(at: node, "\"\(name)\": \(Claims.expected)")
        }
        return raw
    }

    /// The fault of a member that is well formed but does not fit the rest.
    func fault(_ name: StaticString, of row: Row, _ expected: String) -> AccountsFault {
        fault(at: member(name, of: row) ?? row.node, "\"\(name)\": \(expected)")
    }

    private func member(_ name: StaticString, of row: Row) -> JSONDocument.Node? {
        document.member(name, of: row.node, in: bytes.span)
    }

    private func fault(at node: JSONDocument.Node, _ expected: String) -> AccountsFault {
        .malformed(path: path, line: Self.line(of: document.range(node).lowerBound, in: bytes), expected: expected)
    }

    private static func line(of offset: Int, in bytes: [UInt8]) -> Int {
        1 + bytes.prefix(max(offset, 0)).count { $0 == UInt8(ascii: "\n") }
    }
}
