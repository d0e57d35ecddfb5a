import Glibc

/// Where commands write and ask.
enum Terminal {
    /// To standard output, whole; what cannot be written (a closed pipe) is nobody's loss.
    static func write(_ text: String) { write(text, to: STDOUT_FILENO) }

    /// To standard error, whole.
    static func writeError(_ text: String) { write(text, to: STDERR_FILENO) }

    /// All of standard input.
    /// - Throws: `.refused` above `byteCountMax` or if it cannot be read.
    static func readInput(byteCountMax: Int) throws(CommandError) -> [UInt8] {
        var input: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4_096)
        while true {
            let count = unsafe chunk.withUnsafeMutableBytes { unsafe read(STDIN_FILENO, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw .refused("standard input cannot be read") }
            guard count > 0 else { break }
            input.append(contentsOf: chunk.prefix(count))
            guard input.count <= byteCountMax else { break }
        }
        guard input.count <= byteCountMax else {
            throw .refused("standard input is longer than \(byteCountMax) octets")
        }
        return input
    }

    /// Asks twice for a password on the terminal, without echo.
    static func readNewPassword(for name: String) throws(CommandError) -> [UInt8] {
        let terminal = unsafe open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY)
        guard terminal >= 0 else { throw .refused("there is no terminal to ask on; use --password-stdin") }
        defer { close(terminal) }
        let first = try HiddenInput.read(from: terminal, prompt: "Password for \(name): ")
        let second = try HiddenInput.read(from: terminal, prompt: "Again: ")
        guard first == second else { throw .refused("the two passwords differ") }
        return first
    }

    static func write(_ text: String, to file: Int32) { write(Array(text.utf8), to: file) }

    /// Whether a line of up to 4,096 octets can be written without waiting for whoever reads (poll(2), pipe(7)). A file that
    /// fails counts as ready: writing tells.
    static func isReady(_ file: Int32, withinMilliseconds milliseconds: Int32) -> Bool {
        var watched = pollfd(fd: file, events: Int16(POLLOUT), revents: 0)
        return unsafe poll(&watched, 1, milliseconds) != 0
    }

    static func write(_ octets: [UInt8], to file: Int32) {
        var rest = octets[...]
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes { unsafe Glibc.write(file, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }
}
