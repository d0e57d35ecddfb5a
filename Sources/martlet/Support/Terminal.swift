import Glibc

/// Input and output of commands.
enum Terminal {
    /// Writes all of the text to standard output; errors such as a closed pipe are ignored.
    static func write(_ text: String) { write(text, to: STDOUT_FILENO) }

    /// Writes all of the text to standard error.
    static func writeError(_ text: String) { write(text, to: STDERR_FILENO) }

    /// Reads all of standard input.
    ///
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
            throw .refused("standard input is longer than \(byteCountMax) bytes")
        }
        return input
    }

    /// Prompts twice for a password on the terminal, without echo.
    static func readNewPassword(for name: String) throws(CommandError) -> [UInt8] {
        let terminal = unsafe open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY)
        guard terminal >= 0 else { throw .refused("no terminal to ask for the password; use --password-stdin") }
        defer { close(terminal) }
        let first = try HiddenInput.read(from: terminal, prompt: "Password for \(name): ")
        let second = try HiddenInput.read(from: terminal, prompt: "Again: ")
        guard first == second else { throw .refused("the two passwords are different") }
        return first
    }

    static func write(_ text: String, to file: Int32) { write(Array(text.utf8), to: file) }

    /// Returns whether a line of up to 4,096 bytes can be written without waiting for the reader (poll(2), pipe(7)). A
    /// failed file counts as ready, because the write reports the error.
    static func isReady(_ file: Int32, withinMilliseconds milliseconds: Int32) -> Bool {
        var watched = pollfd(fd: file, events: Int16(POLLOUT), revents: 0)
        return unsafe poll(&watched, 1, milliseconds) != 0
    }

    static func isRegularFile(_ file: Int32) -> Bool {
        var found = stat()
        return unsafe fstat(file, &found) == 0 && found.st_mode & S_IFMT == S_IFREG
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
