extension Setting {
    package static let users = Setting("MARTLET_USERS", .path, default: "users.json", "file of the users")
    package static let clients = Setting("MARTLET_CLIENTS", .path, default: "clients.json", "file of the clients")
    package static let loginAccountFailures = Setting(
        "MARTLET_LOGIN_ACCOUNT_FAILURES", .number(0...1_000_000), default: "10",
        "failed logins in a row for one account before it must wait", note: "0 for no limit")
    package static let loginSourceFailures = Setting(
        "MARTLET_LOGIN_SOURCE_FAILURES", .number(0...1_000_000), default: "100",
        "failed logins in a row from one address before it must wait", note: "0 for no limit")
}

/// The files of users and clients, and the limits on failed logins.
package struct AccountSettings: Sendable {
    static let settings: [Setting] = [.users, .clients, .loginAccountFailures, .loginSourceFailures]

    package let usersPath: String
    package let clientsPath: String
    package let loginAccountFailures: Int
    package let loginSourceFailures: Int

    init(_ reader: inout SettingsReader) {
        usersPath = reader.path(.users)
        clientsPath = reader.path(.clients)
        loginAccountFailures = reader.number(.loginAccountFailures)
        loginSourceFailures = reader.number(.loginSourceFailures)
    }
}
