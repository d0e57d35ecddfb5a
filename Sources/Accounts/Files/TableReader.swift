import Encoding
import Platform

/// The size limits of a file of users or of clients.
package struct TableLimits: Sendable {
    /// 64 MiB: more than 150,000 users.
    package var byteCountMax = 64 << 20
    /// JSON values, member names included.
    package var valueCountMax = 8_000_000

    package init() {}
}

/// Reads one of the server's own JSON files: an object with one list of objects. Every error names its line.
struct TableReader {
    let path: String
    private let bytes: [UInt8]
    private var document: JSONDocument

    init(parsing bytes: [UInt8], path: String, limits: TableLimits = TableLimits()) throws(AccountsError) {
        self.path = path
        self.bytes = bytes
        document = JSONDocument(
            limits: JSONLimits(depthMax: 32, memberMax: limits.valueCountMax, byteCountMax: limits.byteCountMax),
            // The usual number of nodes for this size; a lower number costs another pass.
            capacity: bytes.count / 15)
        do throws(JSONError) {
            try document.parse(bytes.span)
        } catch .tooLarge {
            throw .file(.tooLarge(path: path, byteCountMax: limits.byteCountMax))
        } catch {
            guard !bytes.isEmpty else {
                throw .malformed(
                    path: path, line: 1, expected: "JSON, and the file is empty. Restore its content, or remove it")
            }
            let line = Self.line(of: error.offset ?? bytes.count, in: bytes)
            throw .malformed(path: path, line: line, expected: Self.expected(error))
        }
    }

    private static func expected(_ fault: JSONError) -> String {
        switch fault {
        case .tooLarge: "a smaller file"
        case .tooDeep: "JSON that is nested less deeply"
        case .tooManyValues: "JSON with fewer values"
        case .notUTF8: "JSON in UTF-8"
        case .byteOrderMark: "JSON without a byte order mark"
        case .unexpected: "valid JSON"
        case .unterminated: "JSON to its end, and the file ends early"
        case .duplicateMember: "JSON with each member only once in its object"
        case .badEscape, .loneSurrogate: "JSON with valid escapes in its strings"
        case .badNumber: "JSON with valid numbers"
        case .trailing: "JSON and nothing after it"
        }
    }

    /// Returns the objects in the list that is the root's only member.
    func rows(_ name: StaticString) throws(AccountsError) -> [Row] {
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

    /// Rejects unknown members: a misspelled `"disabled"` must not leave a user enabled.
    func check(_ row: Row, members known: Members) throws(AccountsError) {
        var name = row.node + 1
        let end = document.node(after: row.node)
        while name < end {
            guard known.fingerprints.contains(document.nameFingerprint(name)) else {
                throw fault(at: name, "one of \(known.names.joined(separator: ", "))")
            }
            name = document.node(after: name + 1)
        }
    }

    /// The names that the members of a row may have.
    struct Members {
        let names: [String]
        fileprivate let fingerprints: [UInt64]

        init(_ names: [String]) {
            self.names = names
            fingerprints = names.map { name in
                let octets = Array(name.utf8)
                return JSONDocument.nameFingerprint(of: octets.span)
            }
        }
    }

    func string(_ name: StaticString, of row: Row, expected: String, where holds: (String) -> Bool)
        throws(AccountsError)
        -> String
    {
        guard let text = try optionalString(name, of: row, expected: expected, where: holds) else {
            throw fault(at: row.node, "a member \"\(name)\": \(expected)")
        }
        return text
    }

    func optionalString(
        _ name: StaticString, of row: Row, expected: String, where holds: (String) -> Bool
    ) throws(AccountsError) -> String? {
        guard let node = member(name, of: row) else { return nil }
        guard let text = document.string(node, in: bytes.span), holds(text) else {
            throw fault(at: node, "\"\(name)\": \(expected)")
        }
        return text
    }

    /// Returns a list of different strings; empty if there is no such member.
    /// - Parameter last: the list of the previous row, shared if this one has the same bytes.
    func strings(
        _ name: StaticString, of row: Row, after last: inout Repeated<[String]>, expected: String,
        where holds: (String) -> Bool
    ) throws(AccountsError) -> [String] {
        guard let list = member(name, of: row) else { return [] }
        guard document.kind(list) == .array else { throw fault(at: list, "\"\(name)\": a list") }
        if let known = last.value(spelledAs: list, self) { return known }
        var texts: [String] = []
        for node in document.children(list) {
            guard let text = document.string(node, in: bytes.span), holds(text) else {
                throw fault(at: node, "in \"\(name)\": \(expected)")
            }
            guard !texts.contains(text) else { throw fault(at: node, "in \"\(name)\": each only once") }
            texts.append(text)
        }
        last.note(texts, spelledAs: list, self)
        return texts
    }

    /// The checked value of the last row that had one. Most rows of a long table repeat a few values, which then are
    /// neither parsed nor stored again.
    struct Repeated<Value> {
        private var known: (range: Range<Int>, value: Value)?

        fileprivate func value(spelledAs node: JSONDocument.Node, _ reader: TableReader) -> Value? {
            guard let known, reader.bytes[known.range] == reader.bytes[reader.document.range(node)] else { return nil }
            return known.value
        }

        fileprivate mutating func note(_ value: Value, spelledAs node: JSONDocument.Node, _ reader: TableReader) {
            known = (reader.document.range(node), value)
        }
    }

    func bool(_ name: StaticString, of row: Row) throws(AccountsError) -> Bool {
        guard let node = member(name, of: row) else { return false }
        switch document.kind(node) {
        case .true: return true
        case .false: return false
        default: throw fault(at: node, "\"\(name)\": true or false")
        }
    }

    /// Returns a moment; 1970 if there is no such member.
    func milliseconds(_ name: StaticString, of row: Row) throws(AccountsError) -> UnixMilliseconds {
        guard let node = member(name, of: row) else { return 0 }
        guard let number = document.integer(node, in: bytes.span), number >= 0 else {
            throw fault(at: node, "\"\(name)\": milliseconds since 1970")
        }
        return UnixMilliseconds(number)
    }

    func optionalInteger(
        _ name: StaticString, of row: Row, within range: ClosedRange<Int64>, expected: String
    ) throws(AccountsError) -> Int64? {
        guard let node = member(name, of: row) else { return nil }
        guard let number = document.integer(node, in: bytes.span), range.contains(number) else {
            throw fault(at: node, "\"\(name)\": \(expected)")
        }
        return number
    }

    /// Returns an object with its bytes unchanged; `{}` if there is no such member.
    /// - Parameter last: the object of the previous row, shared if this one has the same bytes.
    func claims(
        _ name: StaticString, of row: Row, after last: inout Repeated<[UInt8]>
    ) throws(AccountsError) -> [UInt8] {
        guard let node = member(name, of: row) else { return Claims.none }
        guard document.kind(node) == .object else { throw fault(at: node, "\"\(name)\": \(Claims.expected)") }
        if let known = last.value(spelledAs: node, self) { return known }
        let raw = Array(bytes[document.range(node)])
        guard Claims.isAcceptable(raw) else { throw fault(at: node, "\"\(name)\": \(Claims.expected)") }
        last.note(raw, spelledAs: node, self)
        return raw
    }

    /// Returns the error for a well-formed member that conflicts with other members.
    func fault(_ name: StaticString, of row: Row, _ expected: String) -> AccountsError {
        fault(at: member(name, of: row) ?? row.node, "\"\(name)\": \(expected)")
    }

    private func member(_ name: StaticString, of row: Row) -> JSONDocument.Node? {
        document.member(name, of: row.node, in: bytes.span)
    }

    private func fault(at node: JSONDocument.Node, _ expected: String) -> AccountsError {
        .malformed(path: path, line: Self.line(of: document.range(node).lowerBound, in: bytes), expected: expected)
    }

    private static func line(of offset: Int, in bytes: [UInt8]) -> Int {
        1 + bytes.prefix(max(offset, 0)).count { $0 == UInt8(ascii: "\n") }
    }
}
