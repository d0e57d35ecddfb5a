import Encoding
import Tokens

/// Reads the conditions whose values are lists or objects. Each has 1 to 16 entries.
enum ClaimConditions {
    private static let countMax = 16

    /// A list of texts, none of which is empty.
    ///
    /// - Parameter json: strict JSON, as it was sent.
    static func texts(_ name: StaticString, _ json: [UInt8]) throws(Problem) -> [String] {
        let document = try parsed(name, json)
        guard document.kind(0) == .array else { throw wrong(name, "must be a list of strings") }
        let nodes = document.children(0)
        guard (1...countMax).contains(nodes.count) else { throw wrong(name, "must have 1 to \(countMax) entries") }
        var texts: [String] = []
        for node in nodes {
            guard let text = document.string(node, in: json.span), !text.isEmpty else {
                throw wrong(name, "must have only strings that are not empty")
            }
            texts.append(text)
        }
        return texts
    }

    /// Claims that a token must have.
    static func paths(_ name: StaticString, _ texts: [String]) throws(Problem) -> [ClaimPath] {
        guard (1...countMax).contains(texts.count) else { throw wrong(name, "must have 1 to \(countMax) entries") }
        var paths: [ClaimPath] = []
        for text in texts { paths.append(try path(name, text)) }
        return paths
    }

    /// Claims with the value of each: a string means what `martlet verify --claim` means by it, any other value what
    /// `--claim-json` means.
    ///
    /// - Parameter json: as it was sent; in a query it may be anything.
    static func values(_ name: StaticString, _ json: [UInt8]) throws(Problem) -> [ClaimExpectation] {
        let document = try parsed(name, json)
        guard document.kind(0) == .object else { throw wrong(name, "must be an object") }
        let members = document.members(0)
        guard (1...countMax).contains(members.count) else { throw wrong(name, "must have 1 to \(countMax) entries") }
        var values: [ClaimExpectation] = []
        for member in members {
            guard let named = document.string(member.name, in: json.span) else { throw wrong(name, "names no claim") }
            let path = try path(name, named)
            let value: ClaimExpectation?
            if let text = document.string(member.value, in: json.span) {
                value = ClaimExpectation(path, text: text)
            } else {
                let raw = String(decoding: document.raw(member.value, in: json.span), as: UTF8.self)
                value = try? ClaimExpectation(path, json: raw)
            }
            guard let value else { throw wrong(name, "has a value that every string would match") }
            values.append(value)
        }
        return values
    }

    private static func path(_ name: StaticString, _ text: String) throws(Problem) -> ClaimPath {
        guard let path = ClaimPath(text) else { throw wrong(name, "has an entry that names no claim") }
        return path
    }

    private static func parsed(_ name: StaticString, _ json: [UInt8]) throws(Problem) -> JSONDocument {
        var document = JSONDocument()
        guard (try? document.parse(json.span)) != nil else { throw wrong(name, "is not strict JSON") }
        return document
    }

    private static func wrong(_ name: StaticString, _ what: String) -> Problem {
        Problem(.requestMalformed, "The condition \(name) \(what).")
    }
}
