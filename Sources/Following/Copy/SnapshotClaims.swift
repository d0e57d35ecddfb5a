import Encoding
import JOSE
import Platform
import Revocation

/// What the first line of a snapshot says: a JWS by a key of the source.
struct SnapshotClaims: Equatable, Sendable {
    static let type = "rs+jwt"
    /// The limit of the line.
    static let lineByteCountMax = 16_384
    /// 1 GiB of records.
    static let recordCountMax = 16_777_216

    let issuer: String
    let position: LedgerPosition
    let count: Int
    let issuedAt: UnixSeconds
    /// SHA-256 of the records.
    let digest: [UInt8]

    /// Verifies the line.
    init(_ line: [UInt8], keys: VerificationKeySet, issuer expected: String) throws(FollowFault) {
        let verified: VerifiedJWS
        do throws(TokenRejection) {
            verified = try keys.check(line.span, byteCountMax: Self.lineByteCountMax)
        } catch {
            throw .signature(error)
        }
        guard !verified.algorithm.isMAC else { throw .signature(.algNotAllowed) }
        guard Self.text("typ", in: verified.header) == Self.type else {
            throw .snapshot("its typ is not \(Self.type)")
        }
        try self.init(payload: verified.payload)
        guard issuer.utf8.elementsEqual(expected.utf8) else { throw .issuer(found: issuer, expected: expected) }
    }

    /// Reads the line of a snapshot that was verified before.
    init(verified line: [UInt8]) throws(FollowFault) {
        guard let parts = try? UnverifiedJWS(line.span, byteCountMax: Self.lineByteCountMax) else {
            throw .snapshot("its first line is not a JWS")
        }
        try self.init(payload: parts.payload)
    }

    private init(payload: [UInt8]) throws(FollowFault) {
        var document = JSONDocument()
        let bytes = payload.span
        guard (try? document.parse(bytes)) != nil, document.kind(0) == .object else {
            throw .snapshot("its claims are not JSON")
        }
        func text(_ name: StaticString) -> String? {
            document.member(name, of: 0, in: payload.span).flatMap { document.string($0, in: payload.span) }
        }
        func integer(_ name: StaticString) -> Int64? {
            document.member(name, of: 0, in: payload.span).flatMap { document.integer($0, in: payload.span) }
        }
        guard let issuer = text("iss"), let position = text("pos").flatMap({ LedgerPosition(text: $0) }),
            let issuedAt = integer("iat"), let count = integer("count"), let digest = text("digest")
        else { throw .snapshot("iss, pos, iat, count or digest is missing or malformed") }
        guard (0...Int64(Self.recordCountMax)).contains(count) else {
            throw .snapshot("it has \(count) records; up to \(Self.recordCountMax) are possible")
        }
        guard digest.hasPrefix("sha-256=:"), digest.hasSuffix(":"),
            let decoded = Base64.decode(Array(digest.utf8.dropFirst(9).dropLast()).span), decoded.count == 32
        else { throw .snapshot("its digest is not one of sha-256") }
        self.issuer = issuer
        self.position = position
        self.count = Int(count)
        self.issuedAt = UnixSeconds(issuedAt)
        self.digest = decoded
    }

    private static func text(_ name: StaticString, in json: [UInt8]) -> String? {
        var document = JSONDocument()
        guard (try? document.parse(json.span)) != nil, let node = document.member(name, of: 0, in: json.span) else {
            return nil
        }
        return document.string(node, in: json.span)
    }
}
