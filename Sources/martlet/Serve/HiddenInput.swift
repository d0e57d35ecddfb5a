import Glibc

/// Reads one line from a terminal without echo.
///
/// Signals that would end or stop the process are blocked while echo is off, polled ten times per second, and delivered
/// after echo is on again. This needs no signal handler and no global state, and echo is always restored.
enum HiddenInput {
    private static let heldBack = [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGPIPE]
    private static let byteCountMax = 4_096

    private enum Outcome {
        case line([UInt8])
        case signal(Int32)
        case ended
    }

    /// Reads a line.
    ///
    /// - Throws: `.interrupted` if a signal arrived that the process survives but must end for; `.refused` at the end
    ///   of the input.
    static func read(from terminal: Int32, prompt: String) throws(CommandError) -> [UInt8] {
        while true {
            Terminal.write(prompt, to: terminal)
            let outcome = try silently(terminal) { line(from: terminal) }
            switch outcome {
            case .line(let line): return line
            case .ended: throw .refused("no password was given")
            case .signal(SIGTSTP): continue
            case .signal(let signal): throw .interrupted(signal)
            }
        }
    }

    private static func silently(_ terminal: Int32, _ body: () -> Outcome) throws(CommandError) -> Outcome {
        var signals = sigset_t()
        var signalsBefore = sigset_t()
        unsafe sigemptyset(&signals)
        for signal in heldBack { unsafe sigaddset(&signals, signal) }
        var settingsBefore = termios()
        guard unsafe tcgetattr(terminal, &settingsBefore) == 0 else {
            throw .refused("the settings of the terminal cannot be read")
        }
        var settings = settingsBefore
        settings.c_lflag &= ~tcflag_t(ECHO | ECHONL)
        settings.c_lflag |= tcflag_t(ICANON | ISIG)

        unsafe sigprocmask(SIG_BLOCK, &signals, &signalsBefore)
        guard unsafe tcsetattr(terminal, TCSAFLUSH, &settings) == 0 else {
            unsafe sigprocmask(SIG_SETMASK, &signalsBefore, nil)
            throw .refused("the echo of the terminal cannot be switched off")
        }
        let outcome = body()
        unsafe tcsetattr(terminal, TCSAFLUSH, &settingsBefore)
        Terminal.write("\n", to: terminal)
        // Blocked signals are delivered here: they end the process, or stop it until the shell resumes it.
        unsafe sigprocmask(SIG_SETMASK, &signalsBefore, nil)
        return outcome
    }

    private static func line(from terminal: Int32) -> Outcome {
        var line: [UInt8] = []
        while true {
            if let signal = pendingSignal() { return .signal(signal) }
            var waiting = pollfd(fd: terminal, events: Int16(POLLIN), revents: 0)
            let ready = unsafe poll(&waiting, 1, 100)
            if ready == 0 || (ready < 0 && errno == EINTR) { continue }
            guard ready > 0 else { return .ended }
            var octet: UInt8 = 0
            let count = unsafe Glibc.read(terminal, &octet, 1)
            if count < 0, errno == EINTR || errno == EAGAIN { continue }
            guard count == 1 else { return .ended }
            if octet == UInt8(ascii: "\n") { return .line(line) }
            if line.count < byteCountMax { line.append(octet) }
        }
    }

    private static func pendingSignal() -> Int32? {
        var pending = sigset_t()
        unsafe sigpending(&pending)
        return heldBack.first { unsafe sigismember(&pending, $0) == 1 }
    }
}
