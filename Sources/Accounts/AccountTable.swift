import Glibc

/// What the files of users and of clients have in common: read whole, replaced whole.
package protocol AccountTable: AnyObject {
    /// Nobody.
    init()
    init(parsing bytes: [UInt8], path: String) throws(AccountsFault)
    func serialized() -> [UInt8]
}

extension UserDirectory: AccountTable {}
extension ClientDirectory: AccountTable {}

extension AccountTable {
    /// - Parameter mustExist: whether a file that is not there is a fault rather than nobody.
    package static func load(_ path: String, mustExist: Bool = false) throws(AccountsFault) -> Self {
        let bytes: [UInt8]
        do throws(AccountsFault) {
            bytes = try AtomicFile.read(path, byteCountMax: TableReader.byteCountMax)
        } catch .system(call: "open", _, code: ENOENT) where !mustExist {
            return Self()
        } catch {
            throw error
        }
        return try Self(parsing: bytes, path: path)
    }

    /// Reads, changes and replaces the file while nobody else is in `edit` for it.
    ///
    /// The same snapshot back means that there is nothing to write.
    package static func edit(
        _ path: String, mustExist: Bool = false, _ change: (Self) throws(AccountsFault) -> Self
    ) throws(AccountsFault) {
        try AtomicFile.withLock(path) { () throws(AccountsFault) in
            let old = try load(path, mustExist: mustExist)
            let new = try change(old)
            guard new !== old else { return }
            try AtomicFile.replace(path, with: new.serialized())
        }
    }
}
