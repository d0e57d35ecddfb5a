package import Accounts

extension Setting {
    package static let passwordMin = Setting(
        "MARTLET_PASSWORD_MIN", .number(PasswordRules.characterCountMins),
        default: "\(PasswordRules.characterCountMins.lowerBound)", "characters that a new password must have")
    package static let breachedPasswords = Setting(
        "MARTLET_BREACHED_PASSWORDS", .text,
        "sorted file of SHA1[:COUNT] lines, passwords that may not be set; empty for none")
}

/// What a new password must fulfill.
package struct PasswordSettings: Sendable {
    static let settings: [Setting] = [.passwordMin, .breachedPasswords]

    package let rules: PasswordRules

    package init(_ reader: inout SettingsReader) {
        let path = reader.text(.breachedPasswords)
        if path.utf8.contains(0) { reader.complain(.breachedPasswords, "the path of a file") }
        rules = PasswordRules(
            characterCountMin: reader.number(.passwordMin),
            breached: path.isEmpty ? nil : BreachedPasswords(path: path))
    }

    /// Checks the list of breached passwords.
    func check() throws(StartError) {
        do throws(AccountsError) { try rules.check() } catch { throw StartError(error) }
    }
}
