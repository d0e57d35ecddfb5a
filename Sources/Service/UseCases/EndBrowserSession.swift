package import Encoding
import JOSE
import Platform
import Revocation
import Tokens

/// Finds and ends the session that the cookies of a browser belong to.
///
/// Ending a session takes less than using it: a browser that signs out after its access token has expired still ends
/// its session.
package struct EndBrowserSession {
    private let context: LoopContext

    package init(_ context: LoopContext) {
        self.context = context
    }

    /// The session of an access token with a valid signature, which may have expired.
    package func session(ofAccess token: Span<UInt8>) -> LogoutSession? {
        guard let verified = verify(token), let sid = verified.sid, SignedTokens(context).mayRevoke(verified),
            !context.authState.revocations.isCut(key: verified.kid)
        else { return nil }
        return LogoutSession(
            sid: sid, birth: SignedTokens(context).birth(of: verified), subject: verified.text(verified.subject),
            clientID: verified.text(verified.clientID),
            kid: String(decoding: verified.kid, as: UTF8.self), sessionEnd: nil)
    }

    /// The session of a refresh token with a valid signature that has not expired.
    package func session(ofRefresh token: Span<UInt8>) -> UUID? {
        (try? SessionStanding(context).verify(token, at: context.authState.clock.now))?.sid
    }

    /// The session of a session cookie that this server wrote. Its user is not known.
    package func session(of mark: SessionMark) -> LogoutSession? {
        guard context.issuer.hasIssued(mark.proof, asProofOf: mark.sid) else { return nil }
        return LogoutSession(sid: mark.sid, birth: nil, subject: "", clientID: "", kid: "", sessionEnd: nil)
    }

    private func verify(_ token: Span<UInt8>) -> VerifiedToken? {
        do throws(TokenRejection) {
            return try SignedTokens(context).verify(token, nil, at: context.authState.clock.now)
        } catch {
            // The expiry is checked last, so all other checks were passed. They are repeated for the last valid second.
            guard error == .expired, let end = expiry(of: token) else { return nil }
            return try? SignedTokens(context).verify(token, nil, at: end.adding(seconds: -1).milliseconds)
        }
    }

    private func expiry(of token: Span<UInt8>) -> UnixSeconds? {
        guard let payload = try? UnverifiedJWS(token).payload, (try? context.scratch.parse(payload.span)) != nil,
            let node = context.scratch.member("exp", of: 0, in: payload.span),
            let seconds = context.scratch.integer(node, in: payload.span)
        else { return nil }
        return UnixSeconds(seconds)
    }
}
