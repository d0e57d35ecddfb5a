import Octets

/// What a token's header asks for, after every check that needs no key (RFC 7515 §4, RFC 8725 §3).
///
/// Members that could bring a key along (`jwk`, `jku`, `x5u`, `x5c`) are ignored like all unknown ones (A11, B17).
struct ProtectedHeader {
    let algorithm: Algorithm
    /// Where the key's name lies in the decoded header; it has no escapes.
    let kid: Range<Int>
    /// `nil` for no `typ` or one that is not ours.
    let type: TokenType?

    /// - Parameters:
    ///   - bytes: the decoded header.
    ///   - document: scratch space for the parser.
    init(_ bytes: Span<UInt8>, using document: inout JSONDocument) throws(TokenRejection) {
        do { try document.parse(bytes) } catch { throw .malformed(.header) }
        guard document.kind(0) == .object else { throw .malformed(.header) }
        guard let alg = document.member("alg", of: 0, in: bytes), document.kind(alg) == .string else {
            throw .malformed(.header)
        }
        guard let algorithm = Algorithm.allCases.first(where: { document.isEqual(alg, $0.octets.span, in: bytes) })
        else {
            throw .algNotAllowed
        }
        guard document.member("crit", of: 0, in: bytes) == nil, document.member("b64", of: 0, in: bytes) == nil else {
            throw .criticalUnsupported
        }
        guard let kid = document.member("kid", of: 0, in: bytes) else { throw .kidMissing }
        guard document.kind(kid) == .string else { throw .malformed(.header) }
        // A name with escapes is none of ours: our names are base64url text.
        guard document.isPlain(kid) else { throw .kidUnknown }
        self.algorithm = algorithm
        self.kid = document.range(kid)
        guard let typ = document.member("typ", of: 0, in: bytes), document.kind(typ) == .string, document.isPlain(typ)
        else {
            type = nil
            return
        }
        type = TokenType(bytes.extracting(document.range(typ)))
    }
}
