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
        var onWrite: (@Sendable (Int) -> JournalError?)?
        var onBegin: (@Sendable () -> Void)?
        var onRead: (@Sendable (String) -> Void)?
        /// Asked before each operation of a compaction with its number, from 1: reading names and files, and everything
        /// about files that end in .snap or .snap.tmp, or are removed.
        var onCompaction: (@Sendable (Int) -> JournalError?)?
        var compactionCount = 0
        var failsTruncation = false
        /// The directory after each change, if they are kept.
        var states: [[String: [UInt8]]]?
    }

    let state = Mutex(State())

    var files: [String: [UInt8]] { state.withLock { $0.files } }
    var log: [String] { state.withLock { $0.log } }
    var writeCount: Int { state.withLock { $0.writeCount } }

    init(files: [String: [UInt8]] = [:]) {
        state.withLock { $0.files = files }
    }

    func note(_ event: String) { state.withLock { $0.log.append(event) } }

    func onWrite(_ body: (@Sendable (Int) -> JournalError?)?) { state.withLock { $0.onWrite = body } }

    func onBegin(_ body: (@Sendable () -> Void)?) { state.withLock { $0.onBegin = body } }
    func onRead(_ body: (@Sendable (String) -> Void)?) { state.withLock { $0.onRead = body } }
    func onCompaction(_ body: (@Sendable (Int) -> JournalError?)?) {
        state.withLock {
            $0.onCompaction = body
            $0.compactionCount = 0
        }
    }

    func failTruncation() { state.withLock { $0.failsTruncation = true } }

    func keepStates() { state.withLock { $0.states = [$0.files] } }
    var states: [[String: [UInt8]]] { state.withLock { $0.states ?? [] } }

    private func compacting() throws(JournalError) {
        let (hook, number) = state.withLock { state in
            state.compactionCount += 1
            return (state.onCompaction, state.compactionCount)
        }
        if let fault = hook?(number) { throw fault }
    }

    private func changed() { state.withLock { $0.states?.append($0.files) } }

    func edit(_ name: String, _ body: (inout [UInt8]) -> Void) {
        state.withLock { body(&$0.files[name, default: []]) }
    }

    func lock() throws(JournalError) {
        let wasLocked = state.withLock { state in
            defer { state.isLocked = true }
            return state.isLocked
        }
        if wasLocked { throw .locked(path: "memory") }
    }

    func unlock() { state.withLock { $0.isLocked = false } }

    func names() throws(JournalError) -> [String] {
        try compacting()
        return Array(files.keys)
    }

    func byteCount(of name: String) throws(JournalError) -> UInt64 { UInt64(files[name]?.count ?? 0) }

    func read(_ name: String, at offset: UInt64, count: Int) throws(JournalError) -> [UInt8] {
        try compacting()
        state.withLock({ $0.onRead })?(name)
        return Array((files[name] ?? []).dropFirst(Int(offset)).prefix(count))
    }

    func create(_ name: String, content: [UInt8]) throws(JournalError) -> any JournalFile {
        try write(name, content, at: 0)
        return File(storage: self, name: name)
    }

    func begin(_ name: String) throws(JournalError) -> any JournalFile {
        state.withLock({ $0.onBegin })?()
        try compacting()
        edit(name) { $0 = [] }
        changed()
        return File(storage: self, name: name)
    }

    func rename(_ name: String, to newName: String) throws(JournalError) {
        try compacting()
        state.withLock { $0.files[newName] = $0.files.removeValue(forKey: name) }
        changed()
    }

    func truncate(_ name: String, to byteCount: UInt64) throws(JournalError) {
        if state.withLock({ $0.failsTruncation }) { throw .io(function: "ftruncate", errno: 5, path: name) }
        edit(name) { $0.removeLast($0.count - Int(byteCount)) }
    }

    func remove(_ name: String) throws(JournalError) {
        try compacting()
        state.withLock { $0.files[name] = nil }
        changed()
    }

    func write(_ name: String, _ bytes: [UInt8], at offset: UInt64) throws(JournalError) {
        let (hook, number) = state.withLock { state in
            state.writeCount += 1
            return (state.onWrite, state.writeCount)
        }
        if let fault = hook?(number) { throw fault }
        if name.contains(".snap") { try compacting() }
        edit(name) { file in
            let end = Int(offset) + bytes.count
            // Not with collections of other types, which a debug build does not specialize.
            if file.count < end { file += [UInt8](repeating: 0, count: end - file.count) }
            file.withUnsafeMutableBytes { file in
                bytes.withUnsafeBytes { file[Int(offset)..<end].copyBytes(from: $0) }
            }
        }
        note("synced")
        changed()
    }

    private final class File: JournalFile {
        let storage: MemoryStorage
        let name: String

        init(storage: MemoryStorage, name: String) {
            self.storage = storage
            self.name = name
        }

        func write(_ bytes: [UInt8], at offset: UInt64) throws(JournalError) {
            try storage.write(name, bytes, at: offset)
        }

        func close() {}
    }
}
