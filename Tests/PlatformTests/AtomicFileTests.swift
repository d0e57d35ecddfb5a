import Foundation
import Testing

@testable import Platform

@Suite("Files that commands edit")
struct AtomicFileTests {
    private func mode(_ path: String) throws -> UInt32 {
        let attributes = try FileManager.default.attributesOfItem(atPath: path)
        return try #require(attributes[.posixPermissions] as? NSNumber).uint32Value
    }

    @Test func `what was written is read, and nothing else is left in the directory`() throws {
        let scratch = try Scratch()
        let bytes = [UInt8]((0..<200_000).map { UInt8(truncatingIfNeeded: $0) })
        try AtomicFile.replace(scratch["a.json"], with: [1, 2, 3])
        try AtomicFile.replace(scratch["a.json"], with: bytes)
        #expect(try AtomicFile.read(scratch["a.json"], byteCountMax: bytes.count) == bytes)
        #expect(scratch.names == ["a.json"])
        #expect(throws: FileError.tooLarge(path: scratch["a.json"], byteCountMax: bytes.count - 1)) {
            try AtomicFile.read(scratch["a.json"], byteCountMax: bytes.count - 1)
        }
    }

    @Test func `a new file is its owner's alone, an old one keeps its mode`() throws {
        let scratch = try Scratch()
        try AtomicFile.replace(scratch["a.json"], with: [1])
        #expect(try mode(scratch["a.json"]) == 0o600)
        chmod(scratch["a.json"], 0o640)
        try AtomicFile.replace(scratch["a.json"], with: [2])
        #expect(try mode(scratch["a.json"]) == 0o640)
    }

    @Test func `a symbolic link keeps pointing where it did`() throws {
        let scratch = try Scratch()
        try AtomicFile.replace(scratch["real.json"], with: [1])
        try FileManager.default.createSymbolicLink(atPath: scratch["link.json"], withDestinationPath: "real.json")
        try AtomicFile.replace(scratch["link.json"], with: [2])
        #expect(try AtomicFile.read(scratch["real.json"], byteCountMax: 10) == [2])
        #expect(try FileManager.default.destinationOfSymbolicLink(atPath: scratch["link.json"]) == "real.json")
    }

    @Test func `a directory that fails keeps the old file and leaves no temporary one`() throws {
        let scratch = try Scratch()
        // A directory in the file's place makes the rename fail, for root as well.
        try FileManager.default.createDirectory(atPath: scratch["a.json"], withIntermediateDirectories: false)
        #expect(throws: FileError.system(call: "rename", path: try real(scratch["a.json"]), code: EISDIR)) {
            try AtomicFile.replace(scratch["a.json"], with: [1])
        }
        #expect(scratch.names == ["a.json"])
        let fault = #expect(throws: FileError.self) { try AtomicFile.replace(scratch["no/such.json"], with: [1]) }
        #expect(fault?.mayPass == true && fault?.description.contains("does not exist") == true)
        #expect(throws: FileError.system(call: "open", path: scratch["none"], code: ENOENT)) {
            try AtomicFile.read(scratch["none"], byteCountMax: 1)
        }
    }

    @Test(.enabled(if: geteuid() != 0, "root may write anywhere"))
    func `a directory that may not be written keeps the old file`() throws {
        let scratch = try Scratch()
        try AtomicFile.replace(scratch["a.json"], with: [1])
        chmod(scratch.path, 0o500)
        #expect(throws: FileError.self) { try AtomicFile.replace(scratch["a.json"], with: [2]) }
        #expect(try AtomicFile.read(scratch["a.json"], byteCountMax: 1) == [1])
    }

    @Test func `edits of one file wait for each other and lose nothing`() async throws {
        let scratch = try Scratch()
        let path = scratch["count"]
        try AtomicFile.replace(path, with: [0])
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    for _ in 0..<25 {
                        let result = Result {
                            try AtomicFile.withLock(path, patienceMilliseconds: 60_000, \.self) {
                                () throws(FileError) in
                                let old = try AtomicFile.read(path, byteCountMax: 1)
                                try AtomicFile.replace(path, with: [old[0] + 1])
                            }
                        }
                        #expect(throws: Never.self) { try result.get() }
                    }
                }
            }
        }
        #expect(try AtomicFile.read(path, byteCountMax: 1) == [100])
        #expect(scratch.names == ["count", "count.lock"])
    }

    @Test func `an edit that does not get the lock says so`() throws {
        let scratch = try Scratch()
        let nothing: () throws(FileError) -> Void = {}
        let again: () throws(FileError) -> Void = {
            #expect(throws: FileError.locked(path: scratch["a"])) {
                try AtomicFile.withLock(scratch["a"], patienceMilliseconds: 20, \.self, nothing)
            }
        }
        try AtomicFile.withLock(scratch["a"], \.self, again)
        try AtomicFile.withLock(scratch["a"], \.self, nothing)
    }

    @Test(.enabled(if: geteuid() == 0, "only root gives files away"))
    func `what root makes belongs to the owner of the directory`() throws {
        let scratch = try Scratch()
        try #require(chown(scratch.path, 65_533, 65_534) == 0)
        try AtomicFile.withLock(scratch["a"], \.self) { () throws(FileError) in
            try AtomicFile.replace(scratch["a"], with: [1])
        }
        try AtomicFile.makeDirectory(scratch["folder"])
        try AtomicFile.makeDirectory(scratch["folder"])
        for name in ["a", "a.lock", "folder"] { #expect(try owner(scratch[name]) == [65_533, 65_534]) }
    }

    @Test(.enabled(if: geteuid() == 0, "only root gives files away"))
    func `a lock file that root left behind is given to the owner of the directory`() throws {
        let scratch = try Scratch()
        try AtomicFile.withLock(scratch["a"], \.self) { () throws(FileError) in }
        try #require(chown(scratch.path, 65_533, 65_534) == 0)
        try AtomicFile.withLock(scratch["a"], \.self) { () throws(FileError) in }
        #expect(try owner(scratch["a.lock"]) == [65_533, 65_534])
    }

    @Test(.enabled(if: geteuid() == 0, "only root gives files away"))
    func `a file with another name is not given away`() throws {
        let scratch = try Scratch()
        try AtomicFile.replace(scratch["secret"], with: [1])
        try #require(link(scratch["secret"], scratch["a.lock"]) == 0)
        try #require(chown(scratch.path, 65_533, 65_534) == 0)
        #expect(throws: FileError.system(call: "fchown", path: scratch["a.lock"], code: EMLINK)) {
            try AtomicFile.withLock(scratch["a"], \.self) { () throws(FileError) in }
        }
        #expect(try owner(scratch["secret"]) == [0, 0])
    }

    private func owner(_ path: String) throws -> [UInt32] {
        let attributes = try FileManager.default.attributesOfItem(atPath: path)
        return try [FileAttributeKey.ownerAccountID, .groupOwnerAccountID].map {
            try #require(attributes[$0] as? NSNumber).uint32Value
        }
    }

    private func real(_ path: String) throws -> String {
        let resolved = try #require(realpath(path, nil))
        defer { free(resolved) }
        return String(cString: resolved)
    }
}
