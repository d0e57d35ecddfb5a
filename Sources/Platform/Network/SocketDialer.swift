internal import Glibc

/// Connects to hosts within a deadline.
package enum SocketDialer {
    /// Connects to the first of the host's addresses that accepts; each attempt gets an equal share of the time left.
    ///
    /// - Parameter host: a name, or a numeric address without brackets.
    /// - Returns: a non-blocking socket, which the caller owns.
    package static func connect(
        to host: String, port: UInt16, by deadline: MonotonicDeadline
    ) throws(DialError) -> Int32 {
        let endpoints = try HostResolver.endpoints(of: host, port: port, by: deadline)
        var fault = DialError.unresolved(reason: "it has no address")
        for (index, endpoint) in endpoints.enumerated() {
            do throws(DialError) {
                return try connect(to: endpoint, by: deadline.share(of: endpoints.count - index))
            } catch {
                fault = error
            }
        }
        throw fault
    }

    /// Waits until poll(2) reports one of `events`.
    ///
    /// - Returns: false after the deadline.
    package static func wait(_ descriptor: Int32, for events: Int32, milliseconds: Int32) -> Bool {
        let end = MonotonicDeadline(milliseconds: Int64(milliseconds))
        var watched = pollfd(fd: descriptor, events: Int16(truncatingIfNeeded: events), revents: 0)
        while true {
            let ready = unsafe poll(&watched, 1, end.milliseconds)
            if ready > 0 { return true }
            if ready == 0 || errno != EINTR { return false }
        }
    }

    private static func connect(to endpoint: Endpoint, by deadline: MonotonicDeadline) throws(DialError) -> Int32 {
        let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        let descriptor = socket(endpoint.family, kind, 0)
        guard descriptor >= 0 else { throw .unreachable(code: errno) }
        var code: Int32 = 0
        let status = unsafe endpoint.address.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress else { return Int32(-1) }
            return unsafe Glibc.connect(
                descriptor, base.assumingMemoryBound(to: sockaddr.self), socklen_t(bytes.count))
        }
        if status != 0 { code = errno }
        if code == EINPROGRESS {
            guard wait(descriptor, for: POLLOUT, milliseconds: deadline.milliseconds) else {
                close(descriptor)
                throw .timedOut
            }
            var size = socklen_t(MemoryLayout<Int32>.size)
            unsafe getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &size)
        }
        guard code == 0 else {
            close(descriptor)
            throw .unreachable(code: code)
        }
        // Requests are small and wait for answers. A failure only makes them slower.
        var isOn: Int32 = 1
        unsafe setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &isOn, socklen_t(MemoryLayout<Int32>.size))
        return descriptor
    }
}
