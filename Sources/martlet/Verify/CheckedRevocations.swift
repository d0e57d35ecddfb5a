import API
import Encoding
import JOSE
import Platform
import Revocation
import Tokens

/// The revocations of a snapshot whose signature, digest and age were checked.
struct CheckedRevocations {
    let issuer: String
    let set: RevocationSet

    /// Compares a valid token.
    ///
    /// - Returns: the result unchanged, or why the token is rejected.
    func verdict(_ result: VerificationResult) -> VerificationResult {
        guard let facts = result.facts else { return result }
        guard facts.claims.issuer == Array(issuer.utf8) else {
            return .unknown(
                "revocations_unusable",
                "The revocations are from the issuer \(Printable.short(issuer)), and the token is not.")
        }
        switch token(facts) {
        case .success(let token):
            guard let denial = set.denial(token) else { return result }
            return .refused(ProblemCode(denial))
        case .failure(let missing):
            return .refused(
                ProblemCode.claimMissing.rawValue,
                "The token has no usable \(missing.claim), so it cannot be compared with revocations.")
        }
    }

    private struct Missing: Error {
        let claim: String
    }

    private func token(_ facts: VerificationResult.Facts) -> Result<RevocableToken, Missing> {
        let payload = facts.payload
        let bytes = payload.span
        var document = JSONDocument()
        guard (try? document.parse(bytes)) != nil else { return .failure(Missing(claim: "payload")) }
        func text(_ name: StaticString) -> [UInt8]? {
            document.member(name, of: 0, in: bytes).flatMap { document.bytes($0, in: bytes) }
        }
        func identifier(_ name: StaticString) -> UUID? { text(name).flatMap { UUID($0.span) } }
        func number(_ name: StaticString) -> Int64? {
            document.member(name, of: 0, in: bytes).flatMap { document.integer($0, in: bytes) }
        }
        guard let jti = identifier("jti") else { return .failure(Missing(claim: "jti")) }
        let sid = identifier("sid")
        guard sid != nil || document.member("sid", of: 0, in: bytes) == nil else {
            return .failure(Missing(claim: "sid"))
        }
        guard let issuedAt = number("iat") else { return .failure(Missing(claim: "iat")) }
        guard let subject = text("sub") else { return .failure(Missing(claim: "sub")) }
        let birth = number("bsq").flatMap { UInt64(exactly: $0) }
        guard birth != nil || document.member("bsq", of: 0, in: bytes) == nil else {
            return .failure(Missing(claim: "bsq"))
        }
        return .success(
            RevocableToken(
                jti: jti, sid: sid, issuedAt: UnixSeconds(issuedAt).milliseconds, birth: birth, subject: subject,
                client: text("client_id") ?? [], kid: Array((facts.kid ?? "").utf8)))
    }
}
