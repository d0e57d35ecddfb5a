import Encoding
import JOSE
import Keys

/// The header of one of the server's own tokens, after every check that needs no key (RFC 7515 §4, RFC 8725 §3).
///
/// Members that could supply a key (`jwk`, `jku`, `x5u`, `x5c`) are ignored, as are all unknown members (RFC 7515 §4).
struct ProtectedHeader {
    let algorithm: Algorithm
    private let kid: Kid
    /// `nil` for a missing or unknown `typ`.
    let type: TokenType?

    /// - Parameters:
    ///   - bytes: the decoded header.
    ///   - document: scratch space for the parser.
    init(_ bytes: Span<UInt8>, using document: inout JSONDocument) throws(TokenRejection) {
        algorithm = try document.readHeader(bytes) { document, alg in
            Self.names.first { document.isEqual(alg, $0.octets.span, in: bytes) }?.algorithm
        }
        if let kid = document.member("kid", of: 0, in: bytes) {
            guard document.kind(kid) == .string else { throw .malformed(.header) }
            self.kid = document.isPlain(kid) ? .plain(document.range(kid)) : .escaped
        } else {
            kid = .none
        }
        guard let typ = document.member("typ", of: 0, in: bytes), document.kind(typ) == .string, document.isPlain(typ)
        else {
            type = nil
            return
        }
        type = TokenType(bytes.extracting(document.range(typ)))
    }

    /// Returns the range of the key's name in the decoded header; it has no escapes.
    /// - Throws: `.kidMissing`; `.kidUnknown` for a name with escapes, because no key's name needs any.
    func name() throws(TokenRejection) -> Range<Int> {
        switch kid {
        case .none: throw .kidMissing
        case .escaped: throw .kidUnknown
        case .plain(let range): return range
        }
    }

    private enum Kid {
        case none, escaped
        case plain(Range<Int>)
    }

    private static let names = Algorithm.allCases.map { (algorithm: $0, octets: $0.octets) }
}
