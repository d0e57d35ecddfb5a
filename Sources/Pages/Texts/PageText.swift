/// A text of the pages; the raw value is its key in a file of texts.
///
/// `{name}`, `{seconds}` and `{count}` in a text are replaced by a value.
package enum PageText: String, CaseIterable, Sendable {
    // Signing in.
    case signInTitle = "sign_in_title"
    case signIn = "sign_in"
    case username
    case password
    case device
    case deviceHint = "device_hint"
    case remember
    case signedInAs = "signed_in_as"
    case passwordAgain = "password_again"
    case otherUser = "other_user"
    case usernameMissing = "username_missing"
    case usernameTooLong = "username_too_long"
    case passwordMissing = "password_missing"
    case passwordTooLong = "password_too_long"
    case deviceUnfit = "device_unfit"
    case credentialsInvalid = "credentials_invalid"
    case otherSession = "other_session"

    // Signing out.
    case signOutTitle = "sign_out_title"
    case signOutQuestion = "sign_out_question"
    case signOut = "sign_out"
    case signedOut = "signed_out"

    // The account and its sessions.
    case accountTitle = "account_title"
    case sessionsTitle = "sessions_title"
    case thisSession = "this_session"
    case otherSessions = "other_sessions"
    case otherSessionsNone = "other_sessions_none"
    case moreSessions = "more_sessions"
    case sessionDevice = "session_device"
    case sessionAddress = "session_address"
    case sessionBegan = "session_began"
    case sessionUsed = "session_used"
    case unknown
    case endSession = "end_session"
    case endOthers = "end_others"
    case endAll = "end_all"
    case sessionEnded = "session_ended"
    case othersEnded = "others_ended"
    case sessionUnknown = "session_unknown"
    case repeatAction = "repeat_action"

    // Changing the password.
    case passwordTitle = "password_title"
    case currentPassword = "current_password"
    case newPassword = "new_password"
    case newPasswordAgain = "new_password_again"
    case newPasswordHint = "new_password_hint"
    case changePassword = "change_password"
    case passwordChanged = "password_changed"
    case passwordChangedOnly = "password_changed_only"
    case passwordWrong = "password_wrong"
    case passwordsDiffer = "passwords_differ"
    case passwordNotText = "password_not_text"
    case passwordTooShort = "password_too_short"
    case newPasswordTooLong = "new_password_too_long"
    case passwordIsName = "password_is_name"
    case passwordUnchanged = "password_unchanged"
    case passwordBreached = "password_breached"
    case passwordElsewhere = "password_elsewhere"

    // On the way to a page.
    case renewalTitle = "renewal_title"
    case renewal
    case cookiesTitle = "cookies_title"
    case cookiesNotKept = "cookies_not_kept"
    case needlessTitle = "needless_title"
    case needless
    case needlessAgain = "needless_again"
    case goOn = "go_on"

    // What can go wrong anywhere.
    case errorPrefix = "error_prefix"
    case tooManyAttempts = "too_many_attempts"
    case busy
    case unavailable
    case notSecure = "not_secure"
    case problemTitle = "problem_title"
    case formInvalid = "form_invalid"
    case formForeign = "form_foreign"
    case formTooLarge = "form_too_large"
    case cookieTwice = "cookie_twice"
    case cookiesTooMany = "cookies_too_many"
    case pageMissing = "page_missing"
    case fault
    case toSignIn = "to_sign_in"
    case toAccount = "to_account"
}
