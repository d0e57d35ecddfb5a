/// The files of a journal, to be read.
package protocol JournalSource: AnyObject, Sendable {
    /// Every file's name, in no order.
    func names() throws(JournalError) -> [String]
    func byteCount(of name: String) throws(JournalError) -> UInt64
    /// Up to `count` octets from `offset`, fewer only at the end of the file, as they are on the medium and not as the
    /// page cache remembers them.
    /// - Parameter offset: a multiple of 4,096.
    func read(_ name: String, at offset: UInt64, count: Int) throws(JournalError) -> [UInt8]
}

/// The directory that holds a journal: the little that the journal asks of a file system, so that a simulator can stand
/// in.
///
/// Whatever returns without throwing is on stable storage, names included.
package protocol JournalStorage: JournalSource {
    /// Creates the directory if it is missing and takes its lock.
    /// - Throws: `.locked` if someone else holds it.
    func lock() throws(JournalError)
    func unlock()
    /// Has the lock say something to those who would like to have it. What fails is not told.
    func announce(_ text: String)

    /// Makes a file that either exists with all of `content` or not at all; replaces one of that name.
    func create(_ name: String, content: [UInt8]) throws(JournalError) -> any JournalFile
    /// Makes an empty file to be written piece by piece; replaces one of that name.
    func begin(_ name: String) throws(JournalError) -> any JournalFile
    /// Replaces a file of the new name.
    func rename(_ name: String, to newName: String) throws(JournalError)
    func truncate(_ name: String, to byteCount: UInt64) throws(JournalError)
    func remove(_ name: String) throws(JournalError)
    /// Removes them all; after a crash on the way any of them may be gone.
    func remove(_ names: [String]) throws(JournalError)
}

extension JournalStorage {
    package func announce(_ text: String) {}

    package func remove(_ names: [String]) throws(JournalError) {
        for name in names { try remove(name) }
    }
}

/// A file being written.
package protocol JournalFile: AnyObject, Sendable {
    /// Returns when all octets are on stable storage and the file still stands under its name.
    func write(_ bytes: [UInt8], at offset: UInt64) throws(JournalError)
    /// As ``write(_:at:)``, but on stable storage only after ``settle()``; for large files that others should not notice.
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
