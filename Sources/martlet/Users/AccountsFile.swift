import Accounts
import App
import Glibc
import Platform

/// A file of users or clients, with the error type of the commands.
struct AccountsFile<Table: AccountTable> {
    let path: String
    /// The setting that names the file, which is also an option of the command.
    let setting: Setting

    func read() throws(CommandError) -> Table {
        do throws(AccountsError) { return try Table.load(path, mustExist: true) } catch { throw fault(error) }
    }

    /// The content that was read, for a later edit.
    struct Reading {
        let table: Table
        fileprivate let stamp: FileStamp
    }

    /// Applies an edit without saving it, so that an error is reported before the operator types a password.
    func check(_ change: (Table) throws(AccountsError) -> Table) throws(CommandError) -> Reading {
        do throws(AccountsError) {
            let (table, stamp) = try Table.loadStamped(path)
            _ = try change(table)
            return Reading(table: table, stamp: stamp)
        } catch {
            throw .accounts(error)
        }
    }

    /// Edits the file.
    ///
    /// - Parameters:
    ///   - mustExist: whether a missing file is an error instead of an empty table.
    ///   - reading: avoids reading the file again if it is unchanged.
    /// - Returns: whether anything changed.
    @discardableResult
    func edit(
        mustExist: Bool = true, after reading: Reading? = nil, _ change: (Table) throws(AccountsError) -> Table
    ) throws(CommandError) -> Bool {
        // Before the lock is acquired, which would create a lock file.
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
