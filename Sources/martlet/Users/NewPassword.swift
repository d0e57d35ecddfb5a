import Accounts
import App
import OpenSSL

/// Reads and checks the password or the hash that a command stores.
enum NewPassword {
    static let options: [Arguments.Option] = [.flag("--password-stdin"), .value("--hash")]

    /// Returns the hash to store: that of the option, or that of a password from standard input or the terminal.
    ///
    /// - Throws: `.refused` for a password that breaks a rule.
    static func hash(_ arguments: Arguments, for name: String) throws(CommandError) -> String {
        try checkHash(arguments)
        if let hash = arguments.value("--hash") { return hash }
        let hasher = PasswordHasher(parameters: try settings(HashingSettings.argon2))
        let rules = try rules()
        let password =
            if arguments.has("--password-stdin") {
                try TextBytes.password(fromInputOf: "user")
            } else {
                try Terminal.readNewPassword(for: name)
            }
        let violations: [PasswordViolation]
        do throws(AccountsError) { violations = try rules.violations(of: password, for: name) } catch {
            throw .accounts(error)
        }
        guard violations.isEmpty else {
            throw .refused(
                "the password of \(name) was rejected: \(reasons(violations, rules)). "
                    + "Choose another one, such as several random words")
        }
        do throws(AccountsError) {
            return try hasher.hash(password, salt: Random.bytes(PasswordHasher.saltByteCount))
        } catch {
            throw .accounts(error)
        }
    }

    /// Checks the hash of the option, if there is one.
    static func checkHash(_ arguments: Arguments) throws(CommandError) {
        guard let hash = arguments.value("--hash") else { return }
        guard !arguments.has("--password-stdin") else {
            throw .usage("--hash and --password-stdin cannot be combined")
        }
        if let reason = PasswordHashMessage.about(hash) {
            throw .accounts(.invalid(field: "--hash", expected: reason))
        }
    }

    /// The rules of the settings, with a checked list of breached passwords.
    static func rules() throws(CommandError) -> PasswordRules {
        let rules = try settings { PasswordSettings(&$0).rules }
        do throws(AccountsError) { try rules.check() } catch { throw .accounts(error) }
        return rules
    }

    static func settings<Value>(_ body: (inout SettingsReader) -> Value) throws(CommandError) -> Value {
        do throws(ConfigurationError) { return try SettingsReader.read(Environment.values, body) } catch {
            throw CommandError(error)
        }
    }

    /// Returns what the rules require, one part for each broken rule.
    static func reasons(_ violations: [PasswordViolation], _ rules: PasswordRules) -> String {
        violations.map { violation in
            switch violation {
            case .notUTF8: "it is not UTF-8"
            case .tooShort:
                "it has fewer than \(rules.characterCountMin) characters (\(Setting.passwordMin.name))"
            case .tooLong: "it has more than \(PasswordHasher.passwordByteCounts.upperBound) bytes"
            case .userName: "it is the user name"
            case .unchanged: "it is the current password"
            case .breached: "it is in the list of breached passwords (\(Setting.breachedPasswords.name))"
            }
        }.joined(separator: "; ")
    }
}
