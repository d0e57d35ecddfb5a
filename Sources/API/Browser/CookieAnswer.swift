import Encoding
import HTTP
import JOSE
import Revocation
import Service
import Telemetry
import Tokens

/// How a login or a refresh returns its tokens.
enum TokenDelivery: Sendable {
    /// In the content.
    case content
    /// In cookies that no script can read. `mark` is that of the request, which a refresh renews.
    case cookies(isKept: Bool, mark: SessionMark?, CookieContent)
}

/// What accompanies new cookies.
enum CookieContent: Sendable {
    /// The session, in JSON.
    case session
    /// The session, and an access token for this audience.
    case sessionAndToken(audience: String)
    /// Nothing: the browser goes on to its page.
    case visit(RefreshVisit)
    /// Nothing: the browser goes on from the page for signing in. If the login fails, it gets the form again.
    case page(SignInForm)
}

extension Application {
    /// Checks whether ``deliver(_:_:_:_:)`` can deliver the tokens, before anything is recorded.
    func checkDelivery(_ pair: TokenPair, _ delivery: TokenDelivery, _ call: Call) throws(LoginFailure) {
        guard case .cookies(let isKept, let mark, let content) = delivery, let browser = shared.browser else { return }
        try checkSize(pair, browser.cookies, call)
        if mark == nil { _ = try SessionMark(of: pair.sid, isKept: isKept, context) }
        guard case .sessionAndToken(let audience) = content else { return }
        do throws(IssueError) {
            _ = try ContentToken(context).issue(for: audience, like: pair)
        } catch {
            throw error.isAboutKeys ? .signingUnavailable("\(error)") : .internalFault("\(error)")
        }
    }

    /// Writes the answer that a login or a refresh has promised.
    ///
    /// - Parameter isFirst: see ``isFirstVisit(_:isReplay:_:)``.
    /// - Throws: if a token does not fit into its cookie. A login and a rotation check this before.
    func deliver(
        _ pair: TokenPair, _ delivery: TokenDelivery, isFirst: Bool = true, _ call: Call, _ response: inout Response
    ) throws(Problem) {
        guard case .cookies(let isKept, let mark, let content) = delivery, let browser = shared.browser else {
            return TokenAnswer.write(pair, to: &response)
        }
        let cookies = browser.cookies
        let session: SessionMark
        do throws(LoginFailure) {
            try checkSize(pair, cookies, call)
            if let mark {
                session = mark.renewed(context)
            } else {
                session = try SessionMark(of: pair.sid, isKept: isKept, context)
            }
        } catch {
            throw Problem(error)
        }
        var token: [UInt8]?
        if case .sessionAndToken(let audience) = content { token = try contentToken(for: audience, like: pair) }
        let lifetime = isKept ? pair.refreshExpiresIn : nil
        cookies.access.add(pair.accessToken, maxAge: isKept ? pair.expiresIn : nil, to: &response)
        cookies.session.add(session.text, maxAge: lifetime, to: &response)
        cookies.refresh.add(pair.refreshToken, maxAge: lifetime, to: &response)
        if let token = pair.deviceToken {
            cookies.device.add(token, maxAge: isKept ? TokenLimits.standard.deviceLifetime : nil, to: &response)
        }
        switch content {
        case .session, .sessionAndToken: writeSession(pair, token, &response)
        case .visit(let visit): leave(visit, isFirst: isFirst, &response)
        // A browser that keeps no cookies would be led from the page to the sign-in again.
        case .page(let form): redirect(browser.refreshPath(form.returnAddress, .check), &response)
        }
    }

    /// Clears the cookies of a session that this request has ended, unless a login of the same browser replaced it: then the
    /// browser has the cookies of the new session by now.
    func clearCookies(of session: LogoutSession, _ response: inout Response) {
        if !context.authState.revocations.isReplaced(session.sid) { clearCookies(&response) }
    }

    /// Clears the cookies of the session, but not that of the device, which outlives it.
    func clearCookies(_ response: inout Response) {
        guard let cookies = shared.browser?.cookies else { return }
        for cookie in [cookies.access, cookies.session, cookies.refresh] {
            cookie.add([], maxAge: 0, to: &response)
        }
    }

    /// Clears all cookies of these names, after one was sent twice. A cookie is replaced only by one with the same name,
    /// path, domain and partition.
    func clearEveryCookie(_ response: inout Response) {
        for cookie in shared.browser?.cookies.variants ?? [] { cookie.add([], maxAge: 0, to: &response) }
    }

    /// The content has none of the tokens in the cookies, so that no script gets one.
    ///
    /// - Parameter token: for another audience, which the page asked for.
    private func writeSession(_ pair: TokenPair, _ token: [UInt8]?, _ response: inout Response) {
        response.addLines("Content-Type: application/json\r\nCache-Control: no-store\r\n")
        // Identifiers and tokens have no character that JSON would have to escape.
        response.body.append("{\"token_type\":\"Cookie\",\"expires_in\":")
        response.body.append(decimal: pair.expiresIn)
        response.body.append(",\"refresh_expires_in\":")
        response.body.append(decimal: pair.refreshExpiresIn)
        response.body.append(",\"session_id\":\"")
        pair.sid.write(to: &response.body)
        response.body.append("\",\"scope\":")
        response.body.append(json: pair.scope)
        response.body.append(",\"subject\":")
        response.body.append(json: pair.subject)
        response.body.append(",\"username\":")
        response.body.append(json: UUID(pair.subject).flatMap { context.accounts.name(of: $0) } ?? "")
        if let token {
            response.body.append(",\"access_token\":\"")
            response.body.append(contentsOf: token)
            response.body.append("\"")
        }
        response.body.append("}")
    }

    private func checkSize(_ pair: TokenPair, _ cookies: CookieSet, _ call: Call) throws(LoginFailure) {
        guard
            pair.accessToken.count > cookies.access.valueByteCountMax
                || pair.refreshToken.count > cookies.refresh.valueByteCountMax
        else { return }
        let claim = largestClaim(of: pair.accessToken) ?? ""
        shared.log.write(.error, "cookie_too_large") { line in
            call.add(to: &line)
            line.add("sub", pair.subject)
            line.add("bytes", pair.accessToken.count)
            line.add("claim", claim)
            line.add("remedy", "shorten this claim of the user, or remove it from MARTLET_CLAIMS")
        }
        throw .tooLargeForCookie(claim: claim)
    }

    private func largestClaim(of token: [UInt8]) -> String? {
        guard let payload = try? UnverifiedJWS(token.span).payload, (try? json.parse(payload.span)) != nil else {
            return nil
        }
        let largest = json.members(0).max { one, other in
            json.raw(one.value, in: payload.span).count < json.raw(other.value, in: payload.span).count
        }
        return largest.flatMap { json.string($0.name, in: payload.span) }
    }
}

extension [UInt8] {
    /// Appends a string of JSON.
    fileprivate mutating func append(json text: String) {
        var taken: [UInt8] = []
        swap(&taken, &self)
        var writer = JSONWriter(after: taken)
        writer.string(text)
        self = writer.finished()
    }
}

extension Schema {
    /// What a login and a refresh by cookie answer.
    static let cookieTokens = named(
        "CookieTokens",
        object(
            .required("token_type", .string(constant: "Cookie")),
            .required("expires_in", .integer.described("Seconds until the access token expires.")),
            .required("refresh_expires_in", .refreshExpiresIn),
            .required("session_id", .uuid), .required("scope", .string), .required("subject", .string),
            .required("username", .string),
            .optional("access_token", .string.described("Only with the mode access: for the audience of the request."))
        ).withExample(
            ("token_type", .text("Cookie")), ("expires_in", .plain("600")), ("refresh_expires_in", .plain("1209600")),
            ("session_id", .text("019a0000-0000-7000-8000-000000000000")), ("scope", .text("read write")),
            ("subject", .text("019a0000-0000-7000-8000-000000000001")), ("username", .text("ana"))))

    static let refreshExpiresIn = integer.described("Seconds until the session ends unless it is refreshed.")

    /// The tokens in the content, or what is known about those in cookies.
    static let deliveredTokens = oneOf(.tokens, .cookieTokens)
}

extension Operation {
    /// The cookies of browser mode, for the description of an endpoint that sets or reads them.
    static let cookieHeader = Header(
        name: "Set-Cookie", schema: .string, description: "In browser mode: the cookies, or their removal.")
}
