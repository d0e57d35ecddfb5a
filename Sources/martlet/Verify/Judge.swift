import API
import Encoding
import HTTPClient
import JOSE
import Platform
import Tokens

/// Verifies tokens with local keys.
struct KeySetVerification {
    let shelf: KeyProvider
    let expectations: TokenExpectations
    /// Seconds.
    let timeLeftMin: Int64
    let byteCountMax: Int
    let now: UnixMilliseconds

    func verdict(_ token: [UInt8]) -> VerificationResult {
        guard !token.isEmpty else { return .refused(.tokenMissing) }
        if let complaint = VerificationResult.complaint(about: token) { return complaint }
        let first: TokenRejection
        do throws(TokenRejection) {
            return judge(try content(of: token))
        } catch {
            guard isWorthAsking(error) else { return VerificationResult(error) }
            first = error
        }
        do throws(KeyProvider.Fault) {
            try shelf.confirm()
        } catch {
            // The copy has the key that the token names, but that key did not sign it.
            guard isKeyMissing(first, token) else { return VerificationResult(first) }
            switch error {
            case .file(let reason): return .unknown("keys_unusable", reason)
            case .unknown(let code, let reason): return .unknown(code, reason)
            }
        }
        do throws(TokenRejection) { return judge(try content(of: token)) } catch {
            // A key that is missing from a stale set says nothing about the token.
            guard !shelf.isStale || !isKeyMissing(error, token) else {
                return .unknown(
                    "keys_stale", "None of the cached keys fits the token, and the cached keys are out of date.")
            }
            return VerificationResult(error)
        }
    }

    private func content(of token: [UInt8]) throws(TokenRejection) -> VerifiedJWS {
        guard let keys = shelf.keys else { throw .kidUnknown }
        return try keys.check(token.span, byteCountMax: byteCountMax)
    }

    private func judge(_ content: VerifiedJWS) -> VerificationResult {
        let header: JWSHeader
        do throws(TokenRejection) { header = try JWSHeader(content.header) } catch { return VerificationResult(error) }
        do throws(ExpectationError) {
            let claims = try expectations.check(content.payload, typ: header.typ, now: now)
            return .good(
                VerificationResult.Facts(
                    payload: content.payload, claims: claims, algorithm: content.algorithm.rawValue, kid: content.kid,
                    timeLeft: max(0, claims.expiresAt.seconds(since: now.seconds))),
                timeLeftMin: timeLeftMin)
        } catch {
            return VerificationResult(error)
        }
    }

    /// Whether the newest keys might change the result, once for all tokens of a command: an issuer may have replaced a
    /// key under the same kid since the copy was kept.
    private func isWorthAsking(_ rejection: TokenRejection) -> Bool {
        guard !shelf.isConfirmed || shelf.isStale else { return false }
        switch rejection {
        case .kidUnknown, .signatureInvalid, .algNotAllowed: return true
        default: return false
        }
    }

    /// Whether the available keys say nothing about the token: for one without a `kid`, every key may be the wrong one.
    private func isKeyMissing(_ rejection: TokenRejection, _ token: [UInt8]) -> Bool {
        switch rejection {
        case .kidUnknown: return true
        case .signatureInvalid, .algNotAllowed:
            guard let parts = try? UnverifiedJWS(token.span), let header = try? JWSHeader(parts.header) else {
                return false
            }
            return header.kid == nil
        default: return false
        }
    }
}

/// Verifies tokens by asking a Martlet server, which also checks revocation. Further expectations of the caller are
/// checked here.
struct ServerVerification {
    let client: WebClient
    let address: WebAddress
    let expectations: TokenExpectations
    /// Seconds.
    let timeLeftMin: Int64
    let byteCountMax: Int
    let now: UnixMilliseconds

    func verdict(_ token: [UInt8]) -> VerificationResult {
        guard !token.isEmpty else { return .refused(.tokenMissing) }
        if let complaint = VerificationResult.complaint(about: token) { return complaint }
        let header: JWSHeader
        let payload: [UInt8]
        do throws(TokenRejection) {
            // Input that is not a token is not sent to the server.
            let parts = try UnverifiedJWS(token.span, byteCountMax: byteCountMax)
            header = try JWSHeader(parts.header)
            payload = parts.payload
        } catch {
            return VerificationResult(error)
        }
        let answer: Answer
        do throws(FetchError) { answer = try client.post(address, json: question(token)) } catch {
            return .unknown("server_unreachable", error.description)
        }
        guard answer.status == 200 else { return Self.refusal(answer, address) }
        guard Self.isActive(answer.body) else {
            return .unknown("server_unusable", "\(address.authority) is not a Martlet server")
        }
        do throws(ExpectationError) {
            let claims = try expectations.check(payload, typ: header.typ, now: now)
            return .good(
                VerificationResult.Facts(
                    payload: payload, claims: claims, algorithm: header.algorithm.rawValue, kid: header.kid,
                    timeLeft: max(0, claims.expiresAt.seconds(since: now.seconds))),
                timeLeftMin: timeLeftMin)
        } catch {
            return VerificationResult(error)
        }
    }

    private func question(_ token: [UInt8]) -> [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.name("token")
        writer.string(utf8: token)
        // The server accepts one expected audience; if there are several, they are compared here.
        if expectations.audiences.count == 1 {
            writer.name("audience")
            writer.string(expectations.audiences[0])
        }
        writer.endObject()
        return writer.bytes
    }

    /// Interprets an error response. A code of the closed list is a result for the token; any other response can come
    /// from an intermediary.
    private static func refusal(_ answer: Answer, _ address: WebAddress) -> VerificationResult {
        let bytes = answer.body.span
        var document = JSONDocument()
        guard [401, 403].contains(answer.status), (try? document.parse(bytes)) != nil,
            let node = document.member("code", of: 0, in: bytes), let text = document.string(node, in: bytes),
            let code = ProblemCode(rawValue: text), code.status == answer.status
        else { return .unknown("server_unusable", "\(address.text) answers \(answer.status)") }
        return .refused(code)
    }

    private static func isActive(_ body: [UInt8]) -> Bool {
        let bytes = body.span
        var document = JSONDocument()
        guard (try? document.parse(bytes)) != nil, let node = document.member("active", of: 0, in: bytes) else {
            return false
        }
        return document.kind(node) == .true
    }
}
