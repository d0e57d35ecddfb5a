import Glibc
package import Platform

/// What the files of users and of clients have in common: read whole, replaced whole.
package protocol AccountTable: AnyObject {
    /// Nobody.
    init()
    init(parsing bytes: [UInt8], path: String) throws(AccountsError)
    func serialized() -> [UInt8]
    /// No fewer than the JSON values of the file, member names included.
    var valueCountBound: Int { get }
}

extension UserDirectory: AccountTable {}
extension ClientDirectory: AccountTable {}

extension AccountTable {
    /// How often an edit starts over because another program changed the file meanwhile.
    private static var attemptCountMax: Int { 8 }

    /// - Parameter mustExist: whether a file that is not there is a fault rather than nobody.
    package static func load(_ path: String, mustExist: Bool = false) throws(AccountsError) -> Self {
        try loadStamped(path, mustExist: mustExist).table
    }

    /// The table, and what its file was before it was read.
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

    /// Reads, changes and replaces the file while nobody else is in `edit` for it.
    ///
    /// The same snapshot back means that there is nothing to write. Programs that do not know of the lock may replace the file
    /// meanwhile: `change` is then called again for what they wrote, so that no edit of theirs is lost.
    /// - Parameters:
    ///   - known: what was read a moment ago, to be used if the file is still the same.
    ///   - limits: what the service reads; a larger file is not written.
    package static func edit(
        _ path: String, mustExist: Bool = false, known: (table: Self, stamp: FileStamp)? = nil,
        limits: TableLimits = TableLimits(), _ change: (Self) throws(AccountsError) -> Self
    ) throws(AccountsError) {
        try AtomicFile.withLock(path, AccountsError.file) { () throws(AccountsError) in
            var known = known
            // A file that was there a moment ago is being replaced: a new one in its place would be lost, or lose the rest.
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

    /// The file's bytes.
    /// - Throws: `.tooLarge`, `.tooManyValues` for what no reader would take.
    private func checkedBytes(for path: String, _ limits: TableLimits) throws(AccountsError) -> [UInt8] {
        let bytes = serialized()
        guard bytes.count <= limits.byteCountMax else {
            throw .file(.tooLarge(path: path, byteCountMax: limits.byteCountMax))
        }
        // Read again only if the values might be too many.
        guard valueCountBound > limits.valueCountMax else { return bytes }
        do throws(AccountsError) {
            _ = try TableReader(parsing: bytes, path: path, limits: limits)
        } catch .malformed {
            throw .tooManyValues(path: path, countMax: limits.valueCountMax)
        }
        return bytes
    }
}
