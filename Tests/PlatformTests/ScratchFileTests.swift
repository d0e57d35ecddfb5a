import Foundation
@testable import Platform
import Testing

@Suite("Files without a name")
struct ScratchFileTests {
    @Test func `keep what was written, wherever that was`() throws {
        let scratch = try Scratch()
        let file = try ScratchFile(in: scratch.path)
        try file.write([1, 2, 3], at: 0)
        try file.write([9], at: 5)
        #expect(try file.read(at: 0, count: 10) == [1, 2, 3, 0, 0, 9])
        #expect(try file.read(at: 2, count: 1) == [3])
        #expect(try file.read(at: 6, count: 4) == [])
    }

    @Test func `leave nothing in the directory`() throws {
        let scratch = try Scratch()
        let file = try ScratchFile(in: scratch.path)
        try file.write([UInt8](repeating: 1, count: 100_000), at: 0)
        #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.path).isEmpty)
    }

    @Test func `need a directory`() throws {
        #expect(throws: FileError.self) { try ScratchFile(in: "/nonexistent") }
    }
}
