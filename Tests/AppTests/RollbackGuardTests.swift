import Accounts
@testable import App
import Encoding
import Foundation
import Journal
import Testing

@Suite("Where the journal's high-water mark lies")
struct RollbackGuardTests {
    let scratch: Scratch
    private let mark = HighWaterMark(store: UUID(high: 1, low: 2), seq: 7)

    init() throws { scratch = try Scratch() }

    @Test func `beside the state, or among the keys where that cannot be written`() throws {
        let usual = RollbackGuard(state: scratch["state/"], keys: scratch["keys"], setting: nil)
        #expect(usual.paths == [scratch["state.seen"], scratch["keys/state.seen"]])
        #expect(usual.write(mark) == nil)
        #expect(try usual.read() == [mark])
        // No directory that holds the state: as if nothing could be written there.
        try FileManager.default.createDirectory(atPath: scratch["keys"], withIntermediateDirectories: false)
        let apart = RollbackGuard(state: scratch["volume/state"], keys: scratch["keys"], setting: "")
        #expect(apart.write(mark) == nil)
        #expect(scratch.names(in: "keys") == ["state.seen"])
        #expect(try apart.read() == [mark])
        try apart.remove()
        #expect(try apart.read() == [])
        try apart.remove()
    }

    @Test func `what either place says counts`() throws {
        try FileManager.default.createDirectory(atPath: scratch["keys"], withIntermediateDirectories: false)
        let files = RollbackGuard(state: scratch["state"], keys: scratch["keys"], setting: nil)
        let later = HighWaterMark(store: mark.store, seq: 9)
        try scratch.write(mark.text, to: "state.seen")
        try scratch.write(later.text, to: "keys/state.seen")
        let read = try files.read()
        #expect(read == [mark, later])
        #expect(read.map(\.path) == files.paths)
    }

    @Test func `a place that is asked for must do`() throws {
        let files = RollbackGuard(state: scratch["state"], keys: scratch.path, setting: scratch["none/mark"])
        #expect(files.paths == [scratch["none/mark"]])
        let fault = #expect(throws: StartError.self) { try files.writeFirst(mark) }
        #expect(fault?.description.hasPrefix("MARTLET_SEEN: ") == true && fault?.mayPass == true)
        #expect(scratch.names(in: "") == [])
    }

    @Test func `what is not a mark is named`() throws {
        try scratch.write("x", to: "state.seen")
        let files = RollbackGuard(state: scratch["state"], keys: scratch["keys"], setting: nil)
        let fault = #expect(throws: StartError.self) { try files.read() }
        let path = scratch["state.seen"]
        #expect(fault?.description == "\(path) is not a file that martlet wrote. If it was edited, remove it.")
        #expect(fault?.mayPass == false)
    }
}

@Suite("Waiting for the state directory's lock")
struct StateLockTests {
    let scratch: Scratch

    init() throws { scratch = try Scratch() }

    @Test func `a free lock is not waited for, and stays free`() throws {
        try StateLock.wait(scratch["state"], seconds: 0)
        try StateLock.wait(scratch["state"], seconds: 0)
    }

    @Test func `a lock that is given back in time is waited for, one that is not is named`() throws {
        let holder = DirectoryStorage(path: scratch["state"])
        try holder.lock()
        let fault = JournalError.locked(path: scratch["state"] + "/LOCK")
        #expect(throws: fault) { try StateLock.wait(scratch["state"], seconds: 0) }
        holder.announce(StateLock.serving)
        // Although ten minutes are granted.
        #expect(throws: fault) { try StateLock.wait(scratch["state"], seconds: 600) }
        holder.announce(StateLock.leaving)
        Thread.detachNewThread {
            usleep(50_000)
            holder.unlock()
        }
        try StateLock.wait(scratch["state"], seconds: 600)
    }
}
