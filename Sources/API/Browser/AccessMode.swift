import Service
import Tokens

/// The mode `access`: cookies for the gateway, and an access token in the content for APIs of other origins.
extension Application {
    /// The audience of the token in the content.
    ///
    /// - Throws: `request_malformed` unless MARTLET_BROWSER_TOKENS allows the mode; `audience_invalid` unless the content
    ///   names one audience, and not that of the gateway: a script must not hold what the gateway accepts.
    func contentAudience(_ parameters: Parameters, _ browser: Browser) throws(Problem) -> String {
        guard browser.allowsTokens else {
            throw Problem(.requestMalformed, "The mode access needs MARTLET_BROWSER_TOKENS=on.")
        }
        let audiences = try parameters.audiences()
        let known = context.authState.settings.audiences
        guard audiences.count == 1, let audience = audiences.first, known.dropFirst().contains(audience) else {
            throw Problem(
                .audienceInvalid,
                "The mode access needs one audience of MARTLET_AUDIENCE other than the first, which is the gateway's.")
        }
        guard ContentToken(context).canIssue(for: audience) else {
            throw Problem(.signingUnavailable, reason: "no key signs tokens for \(audience)", retryAfter: 30)
        }
        return audience
    }

    /// The token in the content of an answer with these cookies.
    func contentToken(for audience: String, like pair: TokenPair) throws(Problem) -> [UInt8] {
        do throws(IssueError) {
            return try ContentToken(context).issue(for: audience, like: pair)
        } catch {
            guard error.isAboutKeys else { throw Problem(.internalFault, reason: "\(error)") }
            throw Problem(.signingUnavailable, reason: "\(error)", retryAfter: 30)
        }
    }
}
