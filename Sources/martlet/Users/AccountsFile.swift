import Accounts
import App
import Glibc
import Platform

/// A file of users or of clients, in the commands' own error type.
struct AccountsFile<Table: AccountTable> {
    let path: String
    /// What names the file on the command line, and in the environment.
    var option = "--users"
    var setting = Setting.users

    func read() throws(CommandError) -> Table {
        do throws(AccountsError) { return try Table.load(path, mustExist: true) } catch { throw fault(error) }
    }

    /// What was read of the file, for an edit that follows.
    struct Reading {
        let table: Table
        fileprivate let stamp: FileStamp
    }

    /// Tries an edit without keeping it, so that what cannot work is told before anybody types a password.
    func check(_ change: (Table) throws(AccountsError) -> Table) throws(CommandError) -> Reading {
        do throws(AccountsError) {
            let (table, stamp) = try Table.loadStamped(path)
            _ = try change(table)
            return Reading(table: table, stamp: stamp)
        } catch {
            throw .accounts(error)
        }
    }

    /// - Parameters:
    ///   - mustExist: whether a file that is not there is a fault rather than nobody.
    ///   - reading: spares reading the file again if it is still the same.
    /// - Returns: whether anything changed.
    @discardableResult
    func edit(
        mustExist: Bool = true, after reading: Reading? = nil, _ change: (Table) throws(AccountsError) -> Table
    ) throws(CommandError) -> Bool {
        // Before the lock is taken, whose file would be made and stay.
        if mustExist, !FileStamp(path).exists { throw absence }
        var isChanged = false
        do throws(AccountsError) {
            try Table.edit(path, mustExist: mustExist, known: reading.map { ($0.table, $0.stamp) }) {
                (old) throws(AccountsError) in
                let new = try change(old)
                isChanged = new !== old
                return new
            }
        } catch {
            throw fault(error)
        }
        return isChanged
    }

    private func fault(_ fault: AccountsError) -> CommandError {
        if case .file(.system(call: "open", path: path, code: ENOENT)) = fault { return absence }
        return .accounts(fault)
    }
}
