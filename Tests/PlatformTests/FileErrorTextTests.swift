import Foundation
import Testing

@testable import Platform

@Suite("What an operator reads when a system call fails")
struct FileErrorTextTests {
    @Test func `what is missing, or of another kind, is said with a remedy`() throws {
        let folder = NSTemporaryDirectory() + "martlet-complaint-\(UUID())"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try Data().write(to: URL(fileURLWithPath: folder + "/file"))
        func text(_ path: String, _ code: Int32) -> String { FileErrorText.text(path, "open", code) }
        #expect(
            text(folder + "/none", ENOENT)
                == "\(folder)/none: no such file or directory in \(folder). Check the name")
        #expect(
            text(folder + "/a/b/", ENOENT)
                == "\(folder)/a/b/: the directory \(folder)/a does not exist. Create it, mount its volume, or name another path"
        )
        #expect(text(folder, EISDIR) == "\(folder): this is a directory, not a file. Name a file")
        #expect(text(folder + "/file", ENOTDIR) == "\(folder)/file: this is a file, not a directory. Name a directory")
        #expect(text(folder + "/file/x", ENOTDIR) == "\(folder)/file/x: a part of this path is a file, not a directory")
        #expect(
            text(folder + "/file", EACCES).hasPrefix(
                "\(folder)/file: Permission denied to user \(geteuid()) (owner \(geteuid()), group "))
        #expect(text("none", ENOENT).contains(FileManager.default.currentDirectoryPath))
    }

    @Test(arguments: [
        (EROFS, "Read-only file system"), (ENOSPC, "No space left on device"), (EMFILE, "Too many open files"),
    ])
    func `a circumstance is named in the system's words, which can be searched for, and has a remedy`(
        _ code: Int32, _ words: String
    ) throws {
        let text = try #require(FileErrorText.remedied("/x", code))
        #expect(text.hasPrefix(words + ". ") && text.utf8.count > words.utf8.count + 20)
    }

    @Test func `any other error is named by its call and the system's words`() {
        #expect(FileErrorText.text("/x", "fsync", EIO) == "/x: fsync: Input/output error")
    }

    @Test(arguments: [
        EROFS, ENOSPC, EDQUOT, EIO, EMFILE, ENFILE, ENOMEM, EADDRINUSE, EADDRNOTAVAIL, ENOTCONN, ENETDOWN, EHOSTUNREACH,
    ])
    func `what needs no change of a setting or a file may pass`(_ code: Int32) {
        #expect(TransientCondition.mayPass(code, path: "/"))
    }

    @Test(arguments: [EACCES, EPERM, EISDIR, ENOTDIR, ELOOP, ENAMETOOLONG, EINVAL])
    func `what needs one does not`(_ code: Int32) {
        #expect(!TransientCondition.mayPass(code, path: "/"))
    }
}
