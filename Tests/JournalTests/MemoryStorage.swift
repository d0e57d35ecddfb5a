import Foundation
import Journal
import Synchronization

/// A directory in memory that notes every write and can be told to wait or to fail.
final class MemoryStorage: JournalStorage {
    struct State {
        var files: [String: [UInt8]] = [:]
        var isLocked = false
        var log: [String] = []
        var writeCount = 0
        /// Asked before every write with its number, from 1.
        var onWrite: (@Sendable (Int) -> JournalFault?)?
    }

    let state = Mutex(State())

    var files: [String: [UInt8]] { state.withLock { $0.files } }
    var log: [String] { state.withLock { $0.log } }
    var writeCount: Int { state.withLock { $0.writeCount } }

    init(files: [String: [UInt8]] = [:]) {
        state.withLock { $0.files = files }
    }

    func note(_ event: String) { state.withLock { $0.log.append(event) } }

    func onWrite(_ body: (@Sendable (Int) -> JournalFault?)?) { state.withLock { $0.onWrite = body } }

    func edit(_ name: String, _ body: (inout [UInt8]) -> Void) {
        state.withLock { body(&$0.files[name, default: []]) }
    }

    func lock() throws(JournalFault) {
        let wasLocked = state.withLock { state in
            defer { state.isLocked = true }
            return state.isLocked
        }
        if wasLocked { throw .locked(path: "memory") }
    }

    func unlock() { state.withLock { $0.isLocked = false } }

    func names() throws(JournalFault) -> [String] { Array(files.keys) }

    func byteCount(of name: String) throws(JournalFault) -> UInt64 { UInt64(files[name]?.count ?? 0) }

    func read(_ name: String, at offset: UInt64, count: Int) throws(JournalFault) -> [UInt8] {
        Array((files[name] ?? []).dropFirst(Int(offset)).prefix(count))
    }

    func create(_ name: String, content: [UInt8]) throws(JournalFault) -> any JournalFile {
        try write(name, content, at: 0)
        return File(storage: self, name: name)
    }

    func truncate(_ name: String, to byteCount: UInt64) throws(JournalFault) {
        edit(name) { $0.removeLast($0.count - Int(byteCount)) }
    }

    func remove(_ name: String) throws(JournalFault) {
        state.withLock { $0.files[name] = nil }
    }

    func write(_ name: String, _ bytes: [UInt8], at offset: UInt64) throws(JournalFault) {
        let (hook, number) = state.withLock { state in
            state.writeCount += 1
            return (state.onWrite, state.writeCount)
        }
        if let fault = hook?(number) { throw fault }
        edit(name) { file in
            let end = Int(offset) + bytes.count
            if file.count < end { file.append(contentsOf: repeatElement(0, count: end - file.count)) }
            file.replaceSubrange(Int(offset)..<end, with: bytes)
        }
        note("synced")
    }

    private final class File: JournalFile {
        let storage: MemoryStorage
        let name: String

        init(storage: MemoryStorage, name: String) {
            self.storage = storage
            self.name = name
        }

        func write(_ bytes: [UInt8], at offset: UInt64) throws(JournalFault) {
            try storage.write(name, bytes, at: offset)
        }

        func close() {}
    }
}
