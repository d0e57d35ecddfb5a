import Encoding

/// The header of a compact JWS of any issuer (RFC 7515 §4), after every check that needs no key.
///
/// The server's own tokens have a stricter header type, in which `kid` is required.
package struct JWSHeader: Equatable, Sendable {
    package let algorithm: Algorithm
    package let kid: String?
    /// As spelled in the header.
    package let typ: String?

    /// - Parameter octets: the decoded header.
    /// - Throws: `.malformed(.header)`, `.algNotAllowed`, `.criticalUnsupported`.
    package init(_ octets: [UInt8]) throws(TokenRejection) {
        let bytes = octets.span
        var document = JSONDocument()
        do { try document.parse(bytes) } catch { throw .malformed(.header) }
        guard document.kind(0) == .object else { throw .malformed(.header) }
        guard let alg = document.member("alg", of: 0, in: bytes), document.kind(alg) == .string else {
            throw .malformed(.header)
        }
        guard let algorithm = document.string(alg, in: bytes).flatMap(Algorithm.init(foreign:)) else {
            throw .algNotAllowed
        }
        guard document.member("crit", of: 0, in: bytes) == nil, document.member("b64", of: 0, in: bytes) == nil else {
            throw .criticalUnsupported
        }
        self.algorithm = algorithm
        kid = try Self.text("kid", document, in: bytes)
        typ = try Self.text("typ", document, in: bytes)
    }

    private static func text(
        _ name: StaticString, _ document: JSONDocument, in bytes: Span<UInt8>
    ) throws(TokenRejection) -> String? {
        guard let node = document.member(name, of: 0, in: bytes) else { return nil }
        guard let text = document.string(node, in: bytes) else { throw .malformed(.header) }
        return text
    }
}
