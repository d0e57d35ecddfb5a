import Accounts

/// A file of users or of clients, in the commands' own error type.
struct AccountsFile<Table: AccountTable> {
    let path: String

    func read() throws(CommandFault) -> Table {
        do throws(AccountsFault) { return try Table.load(path, mustExist: true) } catch { throw .accounts(error) }
    }

    /// Tries an edit without keeping it, so that what cannot work is told before anybody types a password.
    func check(_ change: (Table) throws(AccountsFault) -> Table) throws(CommandFault) {
        do throws(AccountsFault) { _ = try change(Table.load(path)) } catch { throw .accounts(error) }
    }

    /// - Parameter mustExist: whether a file that is not there is a fault rather than nobody.
    func edit(mustExist: Bool = true, _ change: (Table) throws(AccountsFault) -> Table) throws(CommandFault) {
        do throws(AccountsFault) {
            try Table.edit(path, mustExist: mustExist, change)
        } catch {
            throw .accounts(error)
        }
    }
}
