import Glibc
import Platform
import Testing

@Suite("Free space")
struct DiskSpaceTests {
    @Test func `is some, and a write may not take all of it`() throws {
        let scratch = try Scratch()
        #expect(try DiskSpace.available(in: scratch.path) > 0)
        try DiskSpace.check(scratch.path, spare: 0)
        #expect(throws: FileError.system(call: "write", path: scratch.path, code: ENOSPC)) {
            try DiskSpace.check(scratch.path, spare: .max)
        }
        #expect(throws: FileError.self) { try DiskSpace.available(in: "/nonexistent") }
    }
}
