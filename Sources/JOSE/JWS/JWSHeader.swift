package import Encoding

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
        algorithm = try document.readHeader(bytes) { document, alg in
            document.string(alg, in: bytes).flatMap(Algorithm.init(foreign:))
        }
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

extension JSONDocument {
    /// Parses the decoded header of a compact JWS, and makes the checks that all tokens have in common: one JSON object
    /// with an `alg`, and no extension (RFC 7515 §4.1.11, RFC 7797).
    ///
    /// - Parameter algorithm: returns the algorithm that the value of `alg` names, or nil.
    /// - Throws: `.malformed(.header)`, `.algNotAllowed`, `.criticalUnsupported`.
    package mutating func readHeader(
        _ bytes: Span<UInt8>, _ algorithm: (JSONDocument, Node) -> Algorithm?
    ) throws(TokenRejection) -> Algorithm {
        do { try parse(bytes) } catch { throw .malformed(.header) }
        guard kind(0) == .object else { throw .malformed(.header) }
        guard let alg = member("alg", of: 0, in: bytes), kind(alg) == .string else { throw .malformed(.header) }
        guard let found = algorithm(self, alg) else { throw .algNotAllowed }
        guard member("crit", of: 0, in: bytes) == nil, member("b64", of: 0, in: bytes) == nil else {
            throw .criticalUnsupported
        }
        return found
    }
}
