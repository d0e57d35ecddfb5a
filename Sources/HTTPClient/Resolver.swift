import Glibc
import Platform
import Synchronization

/// A socket address of a host, as connect(2) expects it.
struct Endpoint: Sendable {
    let family: Int32
    /// A `sockaddr` of that family.
    let address: [UInt8]
}

/// Resolves names to addresses within a deadline, because getaddrinfo(3) has no time limit.
enum Resolver {
    /// - Throws: `.unresolved` or `.timedOut`.
    static func endpoints(of address: WebAddress, by deadline: Deadline) throws(FetchError) -> [Endpoint] {
        if address.host == "localhost" {
            // `localhost` is not resolved: the name means this machine, and a resolver could send unencrypted requests
            // elsewhere.
            return ["127.0.0.1", "::1"].flatMap { (try? lookUp($0, address.port, isNumeric: true).get()) ?? [] }
        }
        let isNumeric = Numeric.isV4(address.host) || Numeric.isV6(address.host)
        let outcome =
            isNumeric
            ? lookUp(address.host, address.port, isNumeric: true)
            : try lookUpAside(address.host, address.port, by: deadline)
        return try outcome.get()
    }

    /// Resolves the name in a separate thread, which is abandoned after the deadline.
    private static func lookUpAside(
        _ host: String, _ port: UInt16, by deadline: Deadline
    ) throws(FetchError) -> Result<[Endpoint], FetchError> {
        var pipes: [Int32] = [-1, -1]
        guard unsafe pipe(&pipes) == 0 else { throw .unresolved(host: host, reason: text(of: errno)) }
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
            throw .unresolved(host: host, reason: "could not start a thread")
        }
        thread.detach()
        var watched = pollfd(fd: reading, events: Int16(POLLIN), revents: 0)
        while unsafe poll(&watched, 1, deadline.milliseconds) < 0, errno == EINTR {}
        guard let outcome = answer.outcome.withLock({ $0 }) else { throw .timedOut(address: host) }
        return outcome
    }

    private final class Answer: Sendable {
        let outcome = Mutex<Result<[Endpoint], FetchError>?>(nil)
    }

    private static func lookUp(_ host: String, _ port: UInt16, isNumeric: Bool) -> Result<[Endpoint], FetchError> {
        var hints = unsafe addrinfo()
        unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        unsafe hints.ai_flags = isNumeric ? AI_NUMERICHOST | AI_NUMERICSERV : AI_ADDRCONFIG | AI_NUMERICSERV
        var found: UnsafeMutablePointer<addrinfo>?
        let status = unsafe getaddrinfo(host, String(port), &hints, &found)
        guard status == 0 else {
            let reason = unsafe String(cString: gai_strerror(status))
            return .failure(.unresolved(host: host, reason: reason))
        }
        defer { unsafe freeaddrinfo(found) }
        var endpoints: [Endpoint] = []
        var cursor = unsafe found
        while let entry = unsafe cursor, endpoints.count < 8 {
            if let name = unsafe entry.pointee.ai_addr {
                let octets = unsafe UnsafeRawBufferPointer(start: name, count: Int(entry.pointee.ai_addrlen))
                endpoints.append(Endpoint(family: unsafe entry.pointee.ai_family, address: unsafe Array(octets)))
            }
            unsafe cursor = entry.pointee.ai_next
        }
        return .success(endpoints)
    }

    static func text(of code: Int32) -> String { FileErrorText.message(of: code) }
}
