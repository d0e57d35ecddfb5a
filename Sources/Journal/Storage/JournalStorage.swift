/// Read access to the files of a journal.
package protocol JournalSource: AnyObject, Sendable {
    /// Returns the name of every file, unordered.
    func names() throws(JournalError) -> [String]
    func byteCount(of name: String) throws(JournalError) -> UInt64
    /// Returns up to `count` bytes from `offset`, fewer only at the end of the file, as they are on the medium and not
    /// in the page cache.
    ///
    /// - Parameter offset: a multiple of 4,096.
    func read(_ name: String, at offset: UInt64, count: Int) throws(JournalError) -> [UInt8]
}

extension JournalSource {
    /// The number of bytes in all segments and snapshots, for showing progress: a file that cannot be read counts as
    /// empty.
    package var journalByteCount: UInt64 {
        let names = ((try? names()) ?? []).filter { SegmentName($0) != nil || SnapshotName($0) != nil }
        return names.reduce(0) { $0 &+ ((try? byteCount(of: $1)) ?? 0) }
    }
}

/// The directory of a journal: the few file system operations that the journal needs, so that tests can simulate them.
///
/// When an operation returns without throwing, its effect is on stable storage, names included.
package protocol JournalStorage: JournalSource {
    /// Creates the directory if it is missing, and locks it.
    ///
    /// - Throws: `.locked` if another process has locked it.
    func lock() throws(JournalError)
    func unlock()
    /// Writes a text into the lock file, for processes that find it locked. Errors are ignored.
    func announce(_ text: String)

    /// Creates a file atomically: it contains all of `content` or does not exist. Replaces a file of that name.
    func create(_ name: String, content: [UInt8]) throws(JournalError) -> any JournalFile
    /// Creates an empty file to be written in pieces. Replaces a file of that name.
    func begin(_ name: String) throws(JournalError) -> any JournalFile
    /// Renames a file, and replaces a file of the new name.
    func rename(_ name: String, to newName: String) throws(JournalError)
    func truncate(_ name: String, to byteCount: UInt64) throws(JournalError)
    func remove(_ name: String) throws(JournalError)
    /// Removes the files; after a crash during the call, any of them may be gone.
    func remove(_ names: [String]) throws(JournalError)
}

extension JournalStorage {
    package func announce(_ text: String) {}

    package func remove(_ names: [String]) throws(JournalError) {
        for name in names { try remove(name) }
    }
}

/// A file that is being written.
package protocol JournalFile: AnyObject, Sendable {
    /// Writes the bytes, and returns when all of them are on stable storage and the file still has its name.
    func write(_ bytes: [UInt8], at offset: UInt64) throws(JournalError)
    /// Writes like ``write(_:at:)``, but the bytes are durable only after ``settle()``. For large files that must not
    /// slow down commits.
    func writeUnsettled(_ bytes: [UInt8], at offset: UInt64) throws(JournalError)
    /// Returns when everything written so far is on stable storage.
    func settle() throws(JournalError)
    func close()
}

extension JournalFile {
    package func writeUnsettled(_ bytes: [UInt8], at offset: UInt64) throws(JournalError) {
        try write(bytes, at: offset)
    }

    package func settle() throws(JournalError) {}
}
