import HTTP
import Octets

/// The members of a request's content: a JSON object or a form, one meaning for both.
///
/// Unknown members are ignored; a member sent twice is refused, a form member without a value counts as absent
/// (RFC 6749 §3.2). Strings only, but for the few numbers that ``integer(_:)`` reads.
struct Parameters {
    private enum Value {
        case text([UInt8])
        case integer(Int64)
        case yes
        /// Neither: an array, an object, a boolean; wrong wherever it is asked for.
        case other
    }

    enum Form {
        case json, form, either
    }

    /// By the fingerprint of the name, which stands for it as long as the process runs.
    private var members: [(name: UInt64, value: Value)] = []
    let isForm: Bool

    /// - Parameter accepted: what the endpoint takes; anything else is 415.
    init(
        _ request: borrowing Request, _ accepted: Form, _ document: inout JSONDocument
    ) throws(Problem) {
        guard let type = request.field("content-type") else {
            guard request.body.isEmpty else { throw Problem(.unsupportedMediaType, "Name the content type.") }
            isForm = accepted == .form
            return
        }
        switch MediaType(request, type) {
        case .json where accepted != .form:
            isForm = false
            try readJSON(request, &document)
        case .form where accepted != .json:
            isForm = true
            try readForm(request)
        default:
            throw Problem(.unsupportedMediaType)
        }
    }

    private subscript(name: StaticString) -> Value? {
        let spelled = unsafe UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount)
        let wanted = JSONDocument.nameFingerprint(of: unsafe spelled.span)
        for member in members where member.name == wanted { return member.value }
        return nil
    }

    func octets(_ name: StaticString) throws(Problem) -> [UInt8]? {
        switch self[name] {
        case nil: return nil
        case .text(let octets): return octets
        case .integer, .yes, .other: throw Problem(.requestMalformed, "The member \(name) must be a string.")
        }
    }

    func text(_ name: StaticString) throws(Problem) -> String? {
        try octets(name).map { String(decoding: $0, as: UTF8.self) }
    }

    /// A text that is not empty.
    func name(_ name: StaticString) throws(Problem) -> String? {
        guard let text = try text(name) else { return nil }
        guard !text.isEmpty else { throw Problem(.requestMalformed, "The member \(name) is empty.") }
        return text
    }

    func required(_ name: StaticString) throws(Problem) -> [UInt8] {
        guard let octets = try octets(name), !octets.isEmpty else {
            throw Problem(.requestMalformed, "The member \(name) is missing.")
        }
        return octets
    }

    /// A whole number of zero or more, as JSON number or as decimal digits in a form.
    func natural(_ name: StaticString) throws(Problem) -> Int64? {
        let value: Int64?
        switch self[name] {
        case nil: return nil
        case .integer(let integer): value = integer
        case .text(let octets) where isForm: value = Int64(String(decoding: octets, as: UTF8.self))
        case .text, .yes, .other: value = nil
        }
        guard let value, value >= 0 else {
            throw Problem(.requestMalformed, "The member \(name) must be a whole number.")
        }
        return value
    }

    func isTrue(_ name: StaticString) -> Bool {
        if case .yes = self[name] { true } else { false }
    }

    private mutating func readJSON(_ request: borrowing Request, _ document: inout JSONDocument) throws(Problem) {
        let bytes = request.octets(request.body)
        do throws(JSONFault) {
            try document.parse(bytes)
        } catch {
            throw Problem(.requestMalformed, "The content is not one JSON value.", reason: "\(error)")
        }
        guard document.kind(0) == .object else {
            throw Problem(.requestMalformed, "The content must be a JSON object.")
        }
        var name = 1
        let end = document.node(after: 0)
        while name < end {
            if let value = Self.value(name + 1, of: document, in: bytes) {
                members.append((document.nameFingerprint(name), value))
            }
            name = document.node(after: name + 1)
        }
    }

    private static func value(_ node: JSONDocument.Node, of document: JSONDocument, in bytes: Span<UInt8>) -> Value? {
        switch document.kind(node) {
        case .string: document.octets(node, in: bytes).map { .text($0) } ?? .other
        case .number: document.integer(node, in: bytes).map { .integer($0) } ?? .other
        case .null: nil
        case .true: .yes
        case .array, .object, .false: .other
        }
    }

    private mutating func readForm(_ request: borrowing Request) throws(Problem) {
        let form: URLEncodedForm
        do {
            form = try URLEncodedForm(request.octets(request.body))
        } catch {
            throw Problem(.requestMalformed, "The content is not a form.", reason: "\(error)")
        }
        var seen: Set<UInt64> = []
        for (name, value) in form.pairs {
            let octets = Array(name.utf8)
            let fingerprint = JSONDocument.nameFingerprint(of: octets.span)
            guard !seen.contains(fingerprint) else { throw Problem(.requestMalformed, "A member was sent twice.") }
            seen.insert(fingerprint)
            if !value.isEmpty { members.append((fingerprint, .text(Array(value.utf8)))) }
        }
    }
}

/// The two content types that requests may have, compared without regard to case (L9).
enum MediaType {
    case json, form, other

    /// Parameters behind `;` are ignored, but for a charset that is not UTF-8.
    init(_ request: borrowing Request, _ value: Range<Int>) {
        if request.isEqual(value, "application/json") {
            self = .json
            return
        }
        if request.isEqual(value, "application/x-www-form-urlencoded") {
            self = .form
            return
        }
        let text = request.text(value).lowercased()
        let parts = text.split(separator: ";", omittingEmptySubsequences: false).map { $0.trimmed }
        let charset = parts.dropFirst().first { $0.hasPrefix("charset=") }
        if let charset, charset != "charset=utf-8", charset != "charset=\"utf-8\"" {
            self = .other
            return
        }
        switch parts.first {
        case "application/json": self = .json
        case "application/x-www-form-urlencoded": self = .form
        default: self = .other
        }
    }
}

extension Substring {
    /// Without spaces and tabs at its ends.
    var trimmed: Substring {
        let isBlank: (Character) -> Bool = { $0 == " " || $0 == "\t" }
        return Substring(drop(while: isBlank).reversed().drop(while: isBlank).reversed().map { String($0) }.joined())
    }
}
