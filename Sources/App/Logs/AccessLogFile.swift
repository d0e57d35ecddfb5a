import Glibc
import Platform

/// Where the access log goes.
package enum AccessLogTarget: Equatable, Sendable {
    case standardOutput
    case standardError
    case file(path: String)
}

/// The access log's open file, pipe or terminal, for one thread.
struct AccessLogFile {
    enum Outcome: Equatable {
        case wrote(Int)
        /// The reader is too slow.
        case stalled
        case failed(reason: String)
    }

    private let descriptor: Int32
    private let isOurs: Bool
    /// The most that one call writes. A write to a pipe is atomic, so that lines of other processes do not
    /// mix with ours (PIPE_BUF, pipe(7)).
    let byteCountMax: Int

    init(_ target: AccessLogTarget) throws(StartError) {
        switch target {
        case .standardOutput: (descriptor, isOurs) = (STDOUT_FILENO, false)
        case .standardError: (descriptor, isOurs) = (STDERR_FILENO, false)
        case .file(let path):
            (descriptor, isOurs) = (Self.open(path), true)
            guard descriptor >= 0 else {
                let code = errno
                throw StartError(
                    description: "MARTLET_ACCESS_LOG: \(FileErrorText.text(path, "open", code))",
                    mayPass: TransientCondition.mayPass(code, path: path))
            }
        }
        var status = stat()
        let isKnown = unsafe fstat(descriptor, &status) == 0
        byteCountMax = isKnown && status.st_mode & S_IFMT == S_IFREG ? 65_536 : 4_096
    }

    private static func open(_ path: String) -> Int32 {
        let flags = O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK
        let descriptor = unsafe Glibc.open(path, O_WRONLY | O_CREAT | flags, 0o640)
        // A named pipe without a reader yet (fifo(7)): a later reader gets its buffered content.
        guard descriptor < 0, errno == ENXIO else { return descriptor }
        return unsafe Glibc.open(path, O_RDWR | flags)
    }

    /// Writes as much as possible within the given number of milliseconds.
    ///
    /// - Parameter octets: ``byteCountMax`` at most, and not empty.
    func write(_ octets: ArraySlice<UInt8>, patience: Int32) -> Outcome {
        // Other processes may share standard output and error, so they are polled instead of being made non-blocking.
        var watched = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        guard unsafe poll(&watched, 1, patience) > 0 else { return .stalled }
        let count = unsafe octets.withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
        if count > 0 { return .wrote(count) }
        if count == 0 || errno == EAGAIN || errno == EINTR { return .stalled }
        return .failed(reason: FileErrorText.message(of: errno))
    }

    func close() {
        if isOurs { _ = Glibc.close(descriptor) }
    }
}
