import Encoding
import HTTP

/// The members of a request's content, with the same meaning in a JSON object and in a form.
///
/// Unknown members are ignored unless the endpoint names the ones it knows; a member sent twice is rejected, and a form
/// member without a value counts as absent (RFC 6749 §3.2). Values are strings, except the few numbers that
/// ``natural(_:)`` reads.
struct Parameters {
    enum Value {
        case text([UInt8])
        case integer(Int64)
        case yes
        /// A JSON `null`, or a form member without a value: absent, unless safety requires a value.
        case nothing
        /// Any other JSON value, as it was sent: an array, an object, `false`, a number that is not whole.
        case other([UInt8])
    }

    enum Form {
        case json, form, either
        /// A JSON Merge Patch, or JSON.
        case mergePatch

        var expected: String {
            switch self {
            case .json: "Send application/json in UTF-8, and say so in Content-Type."
            case .form: "Send application/x-www-form-urlencoded in UTF-8, and say so in Content-Type."
            case .mergePatch:
                "Send application/merge-patch+json or application/json in UTF-8, and say so in Content-Type."
            case .either:
                "Send application/json or application/x-www-form-urlencoded in UTF-8, and say so in Content-Type."
            }
        }
    }

    /// By the fingerprint of the name, which is the same while the process runs.
    private(set) var members: [(name: UInt64, value: Value)] = []
    let isForm: Bool
    /// The values of `resource`, the only member that a form may repeat (RFC 8707 §2).
    private(set) var resources: [[UInt8]] = []

    /// - Parameters:
    ///   - accepted: the media types of the endpoint; any other gets 415.
    ///   - known: the only names that are accepted; `nil` ignores unknown ones.
    ///   - large: a member that the caller reads from the document itself, so that it is not copied.
    init(
        _ request: borrowing Request, _ accepted: Form, known: MemberNames? = nil, large: StaticString? = nil,
        _ document: inout JSONDocument
    ) throws(Problem) {
        guard let type = try Self.contentType(request, accepted) else {
            guard request.body.isEmpty else { throw Problem(.unsupportedMediaType, accepted.expected) }
            isForm = accepted == .form
            return
        }
        isForm = type == .form
        if isForm { try readForm(request, known) } else { try readJSON(request, known, large, &document) }
    }

    /// - Returns: nil for a request without a Content-Type.
    /// - Throws: 415 for a type that is not accepted and for compressed content.
    static func contentType(_ request: borrowing Request, _ accepted: Form) throws(Problem) -> MediaType? {
        if let coding = ContentCoding(request) { throw coding.problem }
        guard let type = request.field("content-type") else { return nil }
        let found = MediaType(request, type)
        switch found {
        case .json where accepted != .form: return found
        case .form where accepted == .form || accepted == .either: return found
        case .mergePatch where accepted == .mergePatch: return found
        case .json, .form, .mergePatch, .other: throw Problem(.unsupportedMediaType, accepted.expected)
        }
    }

    private subscript(name: StaticString) -> Value? {
        let value = given(name)
        if case .nothing = value { return nil }
        return value
    }

    /// As it was sent, ``Value/nothing`` included.
    func given(_ name: StaticString) -> Value? {
        let fingerprint = MemberNames.fingerprint(name)
        for member in members where member.name == fingerprint { return member.value }
        return nil
    }

    func bytes(_ name: StaticString) throws(Problem) -> [UInt8]? {
        switch self[name] {
        case nil: return nil
        case .text(let octets): return octets
        case .integer, .yes, .nothing, .other:
            throw Problem(.requestMalformed, "The member \(name) must be a string.")
        }
    }

    func text(_ name: StaticString) throws(Problem) -> String? {
        try bytes(name).map { String(decoding: $0, as: UTF8.self) }
    }

    /// A text that is not empty.
    func name(_ name: StaticString) throws(Problem) -> String? {
        guard let text = try text(name) else { return nil }
        guard !text.isEmpty else { throw Problem(.requestMalformed, "The member \(name) is empty.") }
        return text
    }

    func required(_ name: StaticString) throws(Problem) -> [UInt8] {
        guard let bytes = try bytes(name), !bytes.isEmpty else {
            throw Problem(.requestMalformed, "The member \(name) is missing.")
        }
        return bytes
    }

    /// A whole number of zero or more, as JSON number or as decimal digits in a form.
    func natural(_ name: StaticString) throws(Problem) -> Int64? {
        let value: Int64?
        switch self[name] {
        case nil: return nil
        case .integer(let integer): value = integer
        case .text(let octets) where isForm: value = Int64(String(decoding: octets, as: UTF8.self))
        case .text, .yes, .nothing, .other: value = nil
        }
        guard let value, value >= 0 else {
            throw Problem(.requestMalformed, "The member \(name) must be a whole number.")
        }
        return value
    }

    func isPresent(_ name: StaticString) -> Bool { self[name] != nil }

    func isTrue(_ name: StaticString) -> Bool {
        if case .yes = self[name] { true } else { false }
    }

    private mutating func readJSON(
        _ request: borrowing Request, _ known: MemberNames?, _ large: StaticString?, _ document: inout JSONDocument
    ) throws(Problem) {
        let left = large.map(MemberNames.fingerprint)
        let bytes = request.bytes(request.body)
        do throws(JSONError) {
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
            let fingerprint = document.nameFingerprint(name)
            if let known, !known.fingerprints.contains(fingerprint) {
                throw Self.unknown(document.bytes(name, in: bytes) ?? [])
            }
            if fingerprint != left { members.append((fingerprint, Self.value(name + 1, of: document, in: bytes))) }
            name = document.node(after: name + 1)
        }
    }

    private static func value(_ node: JSONDocument.Node, of document: JSONDocument, in bytes: Span<UInt8>) -> Value {
        switch document.kind(node) {
        case .string: document.bytes(node, in: bytes).map { .text($0) } ?? .other(document.raw(node, in: bytes))
        case .number: document.integer(node, in: bytes).map { .integer($0) } ?? .other(document.raw(node, in: bytes))
        case .null: .nothing
        case .true: .yes
        case .array, .object, .false: .other(document.raw(node, in: bytes))
        }
    }

    private mutating func readForm(_ request: borrowing Request, _ known: MemberNames?) throws(Problem) {
        let pairs: [(name: [UInt8], value: [UInt8])]
        do {
            pairs = try URLEncodedForm.bytePairs(request.bytes(request.body))
        } catch {
            throw Problem(.requestMalformed, "The content is not a form.", reason: "\(error)")
        }
        for (name, value) in pairs {
            let fingerprint = JSONDocument.nameFingerprint(of: name.span)
            if let known, !known.fingerprints.contains(fingerprint) { throw Self.unknown(name) }
            if fingerprint == Self.resource, !value.isEmpty { resources.append(value) }
            guard fingerprint == Self.resource || !members.contains(where: { $0.name == fingerprint }) else {
                throw Problem(.requestMalformed, "The member \(MemberNames.quoted(name)) was sent twice.")
            }
            members.append((fingerprint, value.isEmpty ? .nothing : .text(value)))
        }
    }

    private static let resource = MemberNames.fingerprint("resource")

    private static func unknown(_ name: [UInt8]) -> Problem {
        Problem(.requestMalformed, "Unknown member: \(MemberNames.quoted(name)).")
    }
}

/// The content types that requests may have, compared in any case.
enum MediaType {
    case json, form, mergePatch, other

    /// Parameters after `;` are ignored, except a charset other than UTF-8.
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
        case "application/merge-patch+json": self = .mergePatch
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
