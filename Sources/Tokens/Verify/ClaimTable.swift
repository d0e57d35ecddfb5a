import Encoding
import JOSE
import Platform

/// The positions of the known claims in one payload; distinguishes missing from invalid claims.
///
/// Unknown claims are ignored (RFC 7519 §4).
struct ClaimTable {
    private static let absent = -1
    private var nodes = InlineArray<17, Int>(repeating: absent)

    /// - Throws: `.malformed(.payload)` unless the payload is one strict JSON object.
    init(_ payload: Span<UInt8>, using document: inout JSONDocument) throws(TokenRejection) {
        do { try document.parse(payload) } catch { throw .malformed(.payload) }
        guard document.kind(0) == .object else { throw .malformed(.payload) }
        var name = 1
        var likely = 0
        let end = document.node(after: 0)
        while name < end {
            let value = name + 1
            defer { name = document.node(after: value) }
            let index: Int?
            if document.isPlain(name) {
                index = Claim.index(named: payload.extracting(document.range(name)), from: likely)
            } else {
                // A name with escapes is the same name in another spelling.
                index = document.string(name, in: payload).flatMap { Claim(rawValue: $0)?.index }
            }
            guard let index else { continue }
            nodes[index] = value
            likely = index + 1
        }
    }

    subscript(claim: Claim) -> JSONDocument.Node? {
        let node = nodes[claim.index]
        return node == Self.absent ? nil : node
    }

    /// - Throws: `.claimMissing`.
    func required(_ claim: Claim) throws(TokenRejection) -> JSONDocument.Node {
        guard let node = self[claim] else { throw .claimMissing(claim) }
        return node
    }
}

/// Reads single claims; each function throws `.claimInvalid` for a value of another type or form.
extension JSONDocument {
    func text(_ claim: Claim, _ node: Node) throws(TokenRejection) -> Range<Int> {
        guard kind(node) == .string, isPlain(node) else { throw .claimInvalid(claim) }
        return range(node)
    }

    func name(_ claim: Claim, _ node: Node) throws(TokenRejection) -> Range<Int> {
        let range = try text(claim, node)
        guard !range.isEmpty else { throw .claimInvalid(claim) }
        return range
    }

    func identifier(_ claim: Claim, _ node: Node, in payload: Span<UInt8>) throws(TokenRejection) -> UUID {
        guard let identifier = UUID(payload.extracting(try text(claim, node))) else { throw .claimInvalid(claim) }
        return identifier
    }

    /// Reads whole seconds; rejects every other number without overflow (RFC 7519 §2).
    func time(_ claim: Claim, _ node: Node, in payload: Span<UInt8>) throws(TokenRejection) -> UnixSeconds {
        guard let seconds = integer(node, in: payload).map(UnixSeconds.init(_:)), NumericDate.range.contains(seconds)
        else {
            throw .claimInvalid(claim)
        }
        return seconds
    }

    func birth(_ node: Node, in payload: Span<UInt8>) throws(TokenRejection) -> UInt64 {
        guard let number = integer(node, in: payload), let birth = UInt64(exactly: number) else {
            throw .claimInvalid(.birth)
        }
        return birth
    }

    /// Reads a list that contains only strings.
    func texts(_ claim: Claim, _ node: Node, in payload: Span<UInt8>) throws(TokenRejection) -> [String] {
        guard kind(node) == .array else { throw .claimInvalid(claim) }
        var texts: [String] = []
        for element in children(node) {
            guard let text = string(element, in: payload) else { throw .claimInvalid(claim) }
            texts.append(text)
        }
        return texts
    }
}
