import Encoding
@testable import JOSE
import Platform
@testable import Tokens

/// Payloads under a good signature, as a key's owner with a fault, or another service with the same secret, may make them.
enum ClaimsFuzzer {
    static func make() -> ([UInt8]) -> Void {
        let keys = FixedKeys()
        let (verifier, other) = (keys.verifier(), keys.verifier())
        return { payload in
            let found = judgement(payload, verifier)
            // White space in front means the same and misses the shape that is read without a parser.
            demand(found == judgement([0x20] + payload, other), "both ways to read claims agree: \(found)")
            let refresh = FixedKeys.refresh(payload)
            if let claims = try? verifier.verifyRefresh(refresh.span, now: FixedKeys.now) {
                demand(claims.expiresAt.milliseconds > FixedKeys.now, "a refresh token that has ended")
            }
        }
    }

    /// What a token is found to be, with everything that is read of a good one.
    private static func judgement(_ payload: [UInt8], _ verifier: Verifier) -> String {
        let token = FixedKeys.access(payload)
        do throws(TokenRejection) {
            let claims = try verifier.verify(token.span, audience: AudienceExpectation("api"), now: FixedKeys.now)
            demand(claims.expiresAt.milliseconds > FixedKeys.now, "a token that has ended")
            let signed = claims.payload
            let texts = [claims.subject, claims.clientID, claims.scope].map { range in
                String(decoding: signed[range ?? 0..<0], as: UTF8.self)
            }
            var document = JSONDocument()
            demand((try? document.parse(signed.span)) != nil, "an accepted payload that is no JSON")
            _ = JSONFuzzer.rewritten(document, signed)
            return
                "\(claims.jti) \(claims.sid as Any) \(claims.expiresAt) \(texts) \(claims.audiences(using: &document)) \(claims.roles(using: &document))"
        } catch {
            // A payload that only just fits does not with white space in front.
            if case .tooLong = error { return "too long" }
            return "\(error)"
        }
    }
}
