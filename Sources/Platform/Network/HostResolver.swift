internal import Glibc
internal import Synchronization

/// A socket address of a host, as connect(2) expects it.
package struct Endpoint: Sendable {
    package let family: Int32
    /// A `sockaddr` of that family.
    package let address: [UInt8]
}

/// Why there is no connection to a host.
package enum DialError: Error, Equatable, Sendable {
    case unresolved(reason: String)
    /// `code` is an errno(3).
    case unreachable(code: Int32)
    case timedOut
}

extension DialError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .unresolved(let reason): "the name cannot be resolved: \(reason)"
        case .unreachable(let code): FileErrorText.message(of: code)
        case .timedOut: "no answer in time"
        }
    }
}

/// Resolves names to addresses within a deadline, because getaddrinfo(3) has no time limit.
package enum HostResolver {
    /// - Parameter host: a name, or a numeric address without brackets.
    package static func endpoints(
        of host: String, port: UInt16, by deadline: MonotonicDeadline
    ) throws(DialError) -> [Endpoint] {
        if host == "localhost" {
            // `localhost` is not resolved: the name means this machine, and a resolver could send unencrypted data
            // elsewhere.
            return ["127.0.0.1", "::1"].flatMap { (try? lookUp($0, port, isNumeric: true).get()) ?? [] }
        }
        if NumericAddress.isV4(host) || NumericAddress.isV6(host) {
            return try lookUp(host, port, isNumeric: true).get()
        }
        return try lookUpAside(host, port, by: deadline).get()
    }

    /// Resolves the name in a separate thread, which is abandoned after the deadline.
    private static func lookUpAside(
        _ host: String, _ port: UInt16, by deadline: MonotonicDeadline
    ) throws(DialError) -> Result<[Endpoint], DialError> {
        var pipes: [Int32] = [-1, -1]
        guard unsafe pipe(&pipes) == 0 else {
            throw .unresolved(reason: FileErrorText.message(of: errno))
        }
        let (reading, writing) = (pipes[0], pipes[1])
        defer { close(reading) }
        let answer = Answer()
        // getaddrinfo(3) cannot be interrupted, so it gets a thread that nothing waits for.
        let thread = try? Thread(name: "resolver") {
            let found = lookUp(host, port, isNumeric: false)
            answer.outcome.withLock { $0 = found }
            // Closing the pipe signals that the outcome is set, and cannot fail if the reader has gone.
            close(writing)
        }
        guard let thread else {
            close(writing)
            throw .unresolved(reason: "could not start a thread")
        }
        thread.detach()
        var watched = pollfd(fd: reading, events: Int16(POLLIN), revents: 0)
        while unsafe poll(&watched, 1, deadline.milliseconds) < 0, errno == EINTR {}
        guard let outcome = answer.outcome.withLock({ $0 }) else { throw .timedOut }
        return outcome
    }

    private final class Answer: Sendable {
        let outcome = Mutex<Result<[Endpoint], DialError>?>(nil)
    }

    private static func lookUp(_ host: String, _ port: UInt16, isNumeric: Bool) -> Result<[Endpoint], DialError> {
        var hints = unsafe addrinfo()
        unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        unsafe hints.ai_flags = isNumeric ? AI_NUMERICHOST | AI_NUMERICSERV : AI_ADDRCONFIG | AI_NUMERICSERV
        var found: UnsafeMutablePointer<addrinfo>?
        let status = unsafe getaddrinfo(host, String(port), &hints, &found)
        guard status == 0 else { return .failure(.unresolved(reason: unsafe String(cString: gai_strerror(status)))) }
        defer { unsafe freeaddrinfo(found) }
        var endpoints: [Endpoint] = []
        var cursor = unsafe found
        while let entry = unsafe cursor, endpoints.count < 8 {
            if let name = unsafe entry.pointee.ai_addr {
                let bytes = unsafe UnsafeRawBufferPointer(start: name, count: Int(entry.pointee.ai_addrlen))
                endpoints.append(Endpoint(family: unsafe entry.pointee.ai_family, address: unsafe Array(bytes)))
            }
            unsafe cursor = entry.pointee.ai_next
        }
        return .success(endpoints)
    }
}
