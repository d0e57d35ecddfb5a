import Glibc
package import Platform

/// The file that says that the records of a journal are in an engine now, so that no server continues the journal.
package struct MovedJournal: Sendable {
    private static let name = "MOVED"
    private static let byteCountMax = 4_096

    private let state: String
    private var path: String { state + "/" + Self.name }

    /// - Parameter state: the directory of the journal.
    package init(_ state: String) { self.state = state }

    /// Notes where the records are going, before the first is sent.
    package func begin(_ store: String) throws(FileError) { try write("being moved to \(store)\n") }

    /// Notes where the records are.
    package func finish(_ store: String) throws(FileError) { try write("moved to \(store)\n") }

    private func write(_ text: String) throws(FileError) { try AtomicFile.replace(path, with: Array(text.utf8)) }

    /// - Throws: a sentence if the records were sent to an engine, or some of them.
    package func check() throws(StartError) {
        var status = stat()
        guard unsafe lstat(path, &status) == 0 else { return }
        let text = (try? AtomicFile.read(path, byteCountMax: Self.byteCountMax)).map {
            String(decoding: $0, as: UTF8.self)
        }
        let first = text?.split(separator: "\n").first.map(String.init) ?? "moved to a store"
        throw StartError(
            description: "\(path): the journal is \(first), which has newer revocations, so this journal must not be "
                + "continued. Set \(Setting.store.name) to that store and \(Setting.state.name) to another directory; to go back "
                + "to a journal, run martlet store export --to with a new directory")
    }
}
