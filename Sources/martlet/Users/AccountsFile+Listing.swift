import Accounts
import Encoding

extension AccountsFile {
    /// Implements `list [--json]`, for users and for clients.
    ///
    /// - Parameters:
    ///   - kind: what the file contains, such as `users`.
    ///   - accounts: the accounts of the table, in its order.
    ///   - line: returns the text of one account, without its end of line.
    ///   - members: writes the members of its JSON object.
    func list<Account>(
        _ kind: String, asJSON: Bool, _ accounts: (Table) -> [Account], line: (Account) -> String,
        members: (Account, inout JSONWriter) -> Void
    ) throws(CommandError) {
        let accounts = accounts(try read())
        Terminal.writeError("\(kind) in \(fullPath): \(accounts.count)\n")
        if asJSON {
            Terminal.write(JSONWriter.listing(accounts, members))
        } else {
            for account in accounts { Terminal.write(line(account) + "\n") }
        }
    }

    /// Returns the column that shows whether an account is disabled.
    static func state(isDisabled: Bool) -> String { (isDisabled ? "disabled" : "enabled").padded(to: 8) }

    /// Implements `remove NAME`, for users and for clients.
    func remove(_ name: String, _ change: (Table) throws(AccountsError) -> Table) throws(CommandError) {
        try edit(change)
        Terminal.writeError("removed \(name) from \(fullPath)\n")
    }
}
