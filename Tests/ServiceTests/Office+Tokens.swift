import Accounts
import Dispatch
import Encoding
import Keys
import OpenSSL
import Platform
import Revocation
import Service
import Tokens

/// Shorter ways to call the use cases.
extension Office {
    func verify(
        _ token: [UInt8], _ adjust: (inout VerifyExpectations) -> Void = { _ in }
    ) throws(VerifyFailure) -> VerifiedToken {
        var expectations = VerifyExpectations()
        adjust(&expectations)
        context.applyChanges()
        return try VerifyToken(context).verify(token.span, expectations, at: wall.value)
    }

    /// Why a token is rejected; `nil` if it is valid.
    func rejection(
        _ token: [UInt8], _ adjust: (inout VerifyExpectations) -> Void = { _ in }
    ) -> VerifyFailure? {
        do throws(VerifyFailure) {
            _ = try verify(token, adjust)
            return nil
        } catch {
            return error
        }
    }

    /// Starts a revocation and waits until it is durable.
    func durably<Failure: Error>(
        _ start: (@escaping @Sendable (Result<LedgerPosition, RevocationError>) -> Void) throws(Failure) -> Void
    ) throws(Failure) {
        let done = DispatchSemaphore(value: 0)
        try start { _ in done.signal() }
        done.wait()
    }

    func revoke(_ request: RevocationRequest) {
        durably { RevokeByOperator(authState).revoke(request, done: $0) }
    }

    func introspect(_ token: [UInt8], for client: Client) -> Introspection {
        context.applyChanges()
        return IntrospectToken(context).introspect(token.span, for: client, at: wall.value)
    }

    /// An access token with an HMAC, made outside the server by a client that has the key.
    func forged(_ claims: [String: String], _ key: Key) throws -> [UInt8] {
        guard case .secret(let secret) = key.material else { throw CancellationError() }
        let seconds = wall.value.seconds.count
        let plain = [
            "iss": #""https://auth.example""#, "sub": #""019a0000-0000-7000-8000-000000000001""#, "aud": #""api""#,
            "client_id": #""first-party""#, "iat": "\(seconds)", "exp": "\(seconds + 600)",
            "jti": #""019a0000-0000-8000-8000-00000000abcd""#,
        ]
        let members = plain.merging(claims) { $1 }.sorted { $0.key < $1.key }.map { "\"\($0.key)\":\($0.value)" }
        let header = #"{"alg":"HS256","typ":"at+jwt","kid":"\#(key.kid)"}"#
        let input = [header, "{\(members.joined(separator: ","))}"].map { Base64URL.encode(Array($0.utf8)) }
        let octets = Array(input.joined(separator: ".").utf8)
        let mac = try MACContext(secret).authenticate(octets.span).octets
        return octets + Array(".\(Base64URL.encode(mac))".utf8)
    }
}
