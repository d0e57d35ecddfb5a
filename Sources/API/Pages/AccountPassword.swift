import Accounts
import HTTP
import Pages
import Platform
import Revocation
import Service

extension Application {
    /// Changes the password, as `POST /password` does. A rejected form is shown again, without the passwords.
    func changePassword(
        _ parameters: Parameters, _ request: borrowing Request, _ cookies: BrowserCookies, _ session: LogoutSession,
        _ response: inout Response, _ exchange: borrowing Exchange, _ call: Call
    ) throws(Problem) -> Disposition {
        let current = try parameters.bytes("current_password") ?? []
        let new = try parameters.bytes("new_password") ?? []
        let again = try parameters.bytes("new_password_again") ?? []
        do throws(RejectedForm) {
            guard !current.isEmpty else { throw RejectedForm(.currentPassword, .passwordMissing) }
            guard LoginAttempt.passwordByteCounts.contains(current.count) else {
                throw RejectedForm(.currentPassword, .passwordTooLong)
            }
            guard !new.isEmpty else { throw RejectedForm(.newPassword, .passwordMissing) }
            guard new == again else { throw RejectedForm(.newPasswordAgain, .passwordsDiffer) }
        } catch {
            answer(error, session, call, &response)
            return .answered
        }
        let change = PasswordChange(
            session: session, current: Secret(current), new: Secret(new),
            source: .address(request.peer.sourceNumber), deviceToken: deviceCookie(request))
        do throws(Problem) {
            try checkPasswordSession(cookies, request, call)
            try begin(change, exchange, call) { application, result, response in
                application.finishPasswordForm(result, session, call, &response)
            }
            return .deferred
        } catch {
            answer(RejectedForm(error, refusal(for: error)), session, call, &response)
            return .answered
        }
    }

    /// A token that an operator minted has a session that no login opened, so it changes no password.
    private func checkPasswordSession(
        _ cookies: BrowserCookies, _ request: borrowing Request, _ call: Call
    ) throws(Problem) {
        guard case .one(let range) = cookies.access else { throw Problem(.tokenMissing) }
        do throws(PasswordFailure) {
            _ = try ChangePassword(context).session(of: request.bytes(range), at: call.now)
        } catch {
            throw Problem(error)
        }
    }

    private func finishPasswordForm(
        _ result: Result<LedgerPosition, Problem>, _ session: LogoutSession, _ call: Call, _ response: inout Response
    ) {
        guard let browser = shared.browser else { return }
        switch result {
        case .success(let position):
            addLocation(account(.passwordChanged, browser).text, &response)
            finishPassword(position, session, status: 303, call, &response)
        case .failure(let problem):
            answer(RejectedForm(problem, refusal(for: problem)), session, call, &response)
            finish(call, &response)
        }
    }

    private func answer(_ rejected: RejectedForm, _ session: LogoutSession, _ call: Call, _ response: inout Response) {
        guard let browser = shared.browser else { return answer(rejected.problem, call, &response) }
        var page = accountPage(of: session, call)
        page.refusal = rejected.refusal
        let html = page.html(browser.pages, texts(call, browser))
        var problem = rejected.problem
        // To a browser, a wrong password is what it is at the sign-in.
        if problem.code == .passwordWrong { problem.statusOverride = 401 }
        answer(problem, call, &response, page: RejectedPage(html: html))
    }

    private func refusal(for problem: Problem) -> PageRefusal {
        switch problem.code {
        case .passwordWrong: PageRefusal(.currentPassword, .passwordWrong)
        case .tooManyAttempts: PageRefusal(.currentPassword, [problem.pageMessage])
        case .passwordUnfit: PageRefusal(.newPassword, problem.reasons.compactMap(message))
        case .sessionsNotEnded: PageRefusal(nil, .passwordChangedOnly)
        case .requestMalformed: PageRefusal(nil, .passwordElsewhere)
        default: PageRefusal(nil, [problem.pageMessage])
        }
    }

    private func message(_ reason: String) -> PageMessage? {
        switch PasswordViolation(rawValue: reason) {
        case .notUTF8: PageMessage(.passwordNotText)
        case .tooShort: PageMessage(.passwordTooShort, Int64(context.authState.passwordRules.characterCountMin))
        case .tooLong: PageMessage(.newPasswordTooLong)
        case .userName: PageMessage(.passwordIsName)
        case .unchanged: PageMessage(.passwordUnchanged)
        case .breached: PageMessage(.passwordBreached)
        case nil: nil
        }
    }
}
