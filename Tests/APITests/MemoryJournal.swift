import Journal
import Synchronization

/// A journal's directory in memory, whose writes can be made to fail.
final class MemoryJournal: JournalStorage {
    private struct State {
        var files: [String: [UInt8]] = [:]
        var isBroken = false
    }

    private let state = Mutex(State())

    /// From now on every write fails, as on a full disk.
    func breakDown() { state.withLock { $0.isBroken = true } }

    func lock() throws(JournalError) {}
    func unlock() {}

    func names() throws(JournalError) -> [String] { state.withLock { Array($0.files.keys) } }

    func byteCount(of name: String) throws(JournalError) -> UInt64 {
        state.withLock { UInt64($0.files[name]?.count ?? 0) }
    }

    func read(_ name: String, at offset: UInt64, count: Int) throws(JournalError) -> [UInt8] {
        state.withLock { Array(($0.files[name] ?? []).dropFirst(Int(offset)).prefix(count)) }
    }

    func create(_ name: String, content: [UInt8]) throws(JournalError) -> any JournalFile {
        try write(name, content, at: 0)
        return File(journal: self, name: name)
    }

    func begin(_ name: String) throws(JournalError) -> any JournalFile {
        state.withLock { $0.files[name] = [] }
        return File(journal: self, name: name)
    }

    func rename(_ name: String, to newName: String) throws(JournalError) {
        state.withLock { $0.files[newName] = $0.files.removeValue(forKey: name) }
    }

    func truncate(_ name: String, to byteCount: UInt64) throws(JournalError) {
        state.withLock { state in
            guard let file = state.files[name] else { return }
            state.files[name] = Array(file.prefix(Int(byteCount)))
        }
    }

    func remove(_ name: String) throws(JournalError) { state.withLock { $0.files[name] = nil } }

    private func write(_ name: String, _ bytes: [UInt8], at offset: UInt64) throws(JournalError) {
        let isBroken = state.withLock { state in
            guard !state.isBroken else { return true }
            var file = state.files[name] ?? []
            let end = Int(offset) + bytes.count
            if file.count < end { file.append(contentsOf: [UInt8](repeating: 0, count: end - file.count)) }
            file.replaceSubrange(Int(offset)..<end, with: bytes)
            state.files[name] = file
            return false
        }
        if isBroken { throw .io(function: "pwrite", errno: 28, path: name) }
    }

    private final class File: JournalFile {
        private let journal: MemoryJournal
        private let name: String

        init(journal: MemoryJournal, name: String) {
            self.journal = journal
            self.name = name
        }

        func write(_ bytes: [UInt8], at offset: UInt64) throws(JournalError) {
            try journal.write(name, bytes, at: offset)
        }

        func close() {}
    }
}
