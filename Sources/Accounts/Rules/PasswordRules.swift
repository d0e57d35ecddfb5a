/// What a new password must fulfill. Existing passwords are not checked again.
package struct PasswordRules: Sendable {
    /// What the setting may be; its default is the lower end. NIST SP 800-63B asks for at least 8.
    package static let characterCountMins = 6...64

    /// The number of Unicode code points that a password must have, as NIST SP 800-63B counts characters.
    package let characterCountMin: Int
    private let breached: BreachedPasswords?

    package init(characterCountMin: Int, breached: BreachedPasswords? = nil) {
        self.characterCountMin = characterCountMin
        self.breached = breached
    }

    /// Returns every rule that the password breaks, in a fixed order; empty if it may be used.
    /// - Parameter current: the password that it replaces, if that is known.
    /// - Throws: `.breachedList`, `.file` if the list of breached passwords cannot be searched: the password must then
    ///   not be used.
    package func violations(
        of password: [UInt8], for name: String, replacing current: [UInt8]? = nil
    ) throws(AccountsError) -> [PasswordViolation] {
        guard let text = String(validating: password, as: UTF8.self) else { return [.notUTF8] }
        var violations: [PasswordViolation] = []
        if text.unicodeScalars.count < characterCountMin { violations.append(.tooShort) }
        if password.count > PasswordHasher.passwordByteCounts.upperBound { violations.append(.tooLong) }
        if text.lowercased() == name.lowercased() { violations.append(.userName) }
        if password == current { violations.append(.unchanged) }
        if let breached, try breached.contains(password) { violations.append(.breached) }
        return violations
    }

    /// Checks the list of breached passwords, as ``BreachedPasswords/check()`` describes.
    package func check() throws(AccountsError) { try breached?.check() }
}

/// A rule of ``PasswordRules`` that a password breaks; the raw value is for programs.
package enum PasswordViolation: String, CaseIterable, Sendable {
    case notUTF8 = "not_utf8"
    case tooShort = "too_short"
    case tooLong = "too_long"
    case userName = "user_name"
    case unchanged
    case breached
}
