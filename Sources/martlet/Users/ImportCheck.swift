import Accounts
import Encoding

/// A user that can be imported. If a password was given, the user still needs its hash.
struct ImportedUser {
    var user: User
    let password: [UInt8]?
}

/// Checks the users of an import, one after the other: each by itself, and against those before.
struct ImportCheck {
    private let rules: PasswordRules
    private let present: UserDirectory
    private let newID: () -> UUID
    private let size: TokenSizeCheck
    /// The lines in which names and ids were first used.
    private var names: [String: Int] = [:]
    private var ids: [UUID: Int] = [:]

    /// - Parameters:
    ///   - present: the users that exist.
    ///   - newID: makes an id for a user without one.
    init(_ rules: PasswordRules, _ size: TokenSizeCheck, present: UserDirectory, newID: @escaping () -> UUID) {
        self.size = size
        self.rules = rules
        self.present = present
        self.newID = newID
    }

    /// Returns the user of a row.
    mutating func user(_ row: ImportRow, line: Int) throws(ImportRefusal) -> ImportedUser {
        guard let name = row.username else { throw ImportRefusal("username is missing") }
        guard (row.password == nil) != (row.passwordHash == nil) else {
            throw ImportRefusal("expected either password or password_hash; password_hash ! is for no password")
        }
        let user = User(
            id: try id(row), name: name, passwordHash: try hash(row) ?? "!", roles: row.roles, scopes: row.scopes,
            isDisabled: row.isDisabled, claims: row.claims ?? Array("{}".utf8))
        if let fault = UserDirectory.fault(in: user) { throw ImportRefusal("\(fault)") }
        guard present.user(named: name) == nil else { throw ImportRefusal("the username exists already") }
        guard present.user(id: user.id) == nil else { throw ImportRefusal("the id exists already") }
        if let first = names[name] { throw ImportRefusal("the username was used in line \(first)") }
        if let first = ids[user.id] { throw ImportRefusal("the id was used in line \(first)") }
        try checkSize(user)
        let password = try password(row, name)
        names[name] = line
        ids[user.id] = line
        return ImportedUser(user: user, password: password)
    }

    private func checkSize(_ user: User) throws(ImportRefusal) {
        let reason: String?
        do throws(CommandError) { reason = try size.reason(user) } catch {
            throw ImportRefusal("the size of the token could not be checked: \(error)")
        }
        if let reason { throw ImportRefusal(reason) }
    }

    private func id(_ row: ImportRow) throws(ImportRefusal) -> UUID {
        guard let text = row.id else { return newID() }
        guard let id = UUID(text) else { throw ImportRefusal("id: expected a UUID in lower case") }
        return id
    }

    private func hash(_ row: ImportRow) throws(ImportRefusal) -> String? {
        guard let hash = row.passwordHash, hash != "!" else { return nil }
        if let expected = PasswordHasher.expectation(of: hash) {
            throw ImportRefusal("password_hash: expected \(expected)")
        }
        return hash
    }

    private func password(_ row: ImportRow, _ name: String) throws(ImportRefusal) -> [UInt8]? {
        guard let text = row.password else { return nil }
        guard !PasswordHasher.isUsable(text) else {
            throw ImportRefusal("password: this is a hash; name it password_hash")
        }
        let password = Array(text.utf8)
        let violations: [PasswordViolation]
        do throws(AccountsError) { violations = try rules.violations(of: password, for: name) } catch {
            throw ImportRefusal("password: \(error)")
        }
        guard violations.isEmpty else { throw ImportRefusal("password: \(NewPassword.reasons(violations, rules))") }
        return password
    }
}
