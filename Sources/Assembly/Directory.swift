import Glibc

struct DirectoryFault: Error {
    let code: Int32
    var text: String { Directory.errorText(code) }
}

/// Reading a directory's names (readdir(3)).
enum Directory {
    /// - Returns: the names in order, without `.` and `..`.
    static func names(in path: String) throws(DirectoryFault) -> [String] {
        guard let directory = unsafe opendir(path) else { throw DirectoryFault(code: errno) }
        defer { unsafe closedir(directory) }
        var names: [String] = []
        while let entry = unsafe readdir(directory) {
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                unsafe pointer.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    static func errorText(_ code: Int32) -> String {
        unsafe strerror(code).map { unsafe String(cString: $0) } ?? "error \(code)"
    }
}

/// What a file is at one moment: two equal stamps mean that nobody replaced or rewrote it in between.
package struct FileStamp: Equatable, Sendable {
    let mode: UInt32
    var exists: Bool { byteCount >= 0 }
    private let inode: UInt64
    private let byteCount: Int64
    private let seconds: Int
    private let nanoseconds: Int

    package init(_ path: String) {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else {
            mode = 0
            inode = 0
            byteCount = -1
            seconds = 0
            nanoseconds = 0
            return
        }
        mode = status.st_mode
        inode = UInt64(status.st_ino)
        byteCount = Int64(status.st_size)
        seconds = status.st_mtim.tv_sec
        nanoseconds = status.st_mtim.tv_nsec
    }
}
