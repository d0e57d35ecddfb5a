import Glibc
package import Platform

/// The common part of the files of users and of clients: read as a whole, replaced as a whole.
package protocol AccountTable: AnyObject {
    /// An empty table.
    init()
    init(parsing bytes: [UInt8], path: String) throws(AccountsError)
    func serialized() -> [UInt8]
    /// An upper bound on the number of JSON values in the file, member names included.
    var valueCountBound: Int { get }
}

extension UserDirectory: AccountTable {}
extension ClientDirectory: AccountTable {}

extension AccountTable {
    /// How often an edit is tried again because another program changed the file at the same time.
    private static var attemptCountMax: Int { 8 }

    /// - Parameter mustExist: whether a missing file is an error and not an empty table.
    package static func load(_ path: String, mustExist: Bool = false) throws(AccountsError) -> Self {
        try loadStamped(path, mustExist: mustExist).table
    }

    /// Returns the table, and the stamp of its file before reading.
    package static func loadStamped(
        _ path: String, mustExist: Bool = false
    ) throws(AccountsError) -> (table: Self, stamp: FileStamp) {
        let found: (bytes: [UInt8], stamp: FileStamp)
        do throws(FileError) {
            found = try AtomicFile.readStamped(path, byteCountMax: TableLimits().byteCountMax)
        } catch .system(call: "open", _, code: ENOENT) where !mustExist {
            return (Self(), .missing)
        } catch {
            throw .file(error)
        }
        return (try Self(parsing: found.bytes, path: path), found.stamp)
    }

    /// Reads, changes and replaces the file while holding its lock, so that no other `edit` runs.
    ///
    /// If `change` returns the same object, nothing is written. Programs that ignore the lock may replace the file
    /// during the edit: `change` is then called again with the new content, so that no other edit is lost.
    /// - Parameters:
    ///   - known: the table read shortly before, used if the file is unchanged.
    ///   - limits: the limits of the server; a larger file is not written.
    ///   - patienceMilliseconds: how long to wait for the lock.
    package static func edit(
        _ path: String, mustExist: Bool = false, known: (table: Self, stamp: FileStamp)? = nil,
        limits: TableLimits = TableLimits(), patienceMilliseconds: Int = 10_000,
        _ change: (Self) throws(AccountsError) -> Self
    ) throws(AccountsError) {
        try AtomicFile.withLock(path, patienceMilliseconds: patienceMilliseconds, AccountsError.file) {
            () throws(AccountsError) in
            var known = known
            // If the file existed before and is missing now, another program is replacing it: creating a new file would
            // lose data.
            var mustExist = mustExist || known?.stamp.exists == true
            for _ in 0..<attemptCountMax {
                var present = known
                if present?.stamp != FileStamp(path) { present = nil }
                known = nil
                let old = if let present { present } else { try loadStamped(path, mustExist: mustExist) }
                mustExist = mustExist || old.stamp.exists
                let new = try change(old.table)
                guard new !== old.table else { return }
                let bytes = try new.checkedBytes(for: path, limits)
                do throws(FileError) {
                    return try AtomicFile.replace(path, with: bytes, expecting: old.stamp)
                } catch .changed {
                    continue
                } catch {
                    throw .file(error)
                }
            }
            throw .file(.changed(path: path))
        }
    }

    /// Returns the bytes of the file.
    /// - Throws: `.tooLarge`, `.tooManyValues` for a file that the server would reject.
    private func checkedBytes(for path: String, _ limits: TableLimits) throws(AccountsError) -> [UInt8] {
        let bytes = serialized()
        guard bytes.count <= limits.byteCountMax else {
            throw .file(.tooLarge(path: path, byteCountMax: limits.byteCountMax))
        }
        // Parse the bytes only if the number of values may exceed the limit.
        guard valueCountBound > limits.valueCountMax else { return bytes }
        do throws(AccountsError) {
            _ = try TableReader(parsing: bytes, path: path, limits: limits)
        } catch .malformed {
            throw .tooManyValues(path: path, countMax: limits.valueCountMax)
        }
        return bytes
    }
}
