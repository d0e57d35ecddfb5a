import CLinux
import Glibc
import HTTP

/// A `sockaddr` in the layout that the kernel reads (ip(7), ipv6(7), unix(7)).
struct SocketAddress: Equatable, Sendable {
    var bytes: [UInt8]

    init(_ address: ListenAddress) throws(ServerError) {
        switch address {
        case .tcp(let host, let port):
            let literal = host == "localhost" ? "127.0.0.1" : host
            if let octets = Self.parse(literal, AF_INET, byteCount: 4) {
                bytes = Self.header(AF_INET, port) + octets + [UInt8](repeating: 0, count: 8)
            } else if let octets = Self.parse(literal, AF_INET6, byteCount: 16) {
                bytes = Self.header(AF_INET6, port) + [0, 0, 0, 0] + octets + [0, 0, 0, 0]
            } else {
                throw .addressInvalid(address.description)
            }
        case .inherited: throw .addressInvalid(address.description)
        case .unix(let path):
            let octets = Array(path.utf8)
            // sun_path has 108 bytes, and the last one is zero.
            guard !octets.isEmpty, octets.count < 108, !octets.contains(0) else {
                throw .addressInvalid(address.description)
            }
            bytes = Self.native(UInt16(AF_UNIX)) + octets + [0]
        }
    }

    /// Reads the address that a socket is bound to (getsockname(2)).
    init?(of descriptor: Int32) {
        var bytes = [UInt8](repeating: 0, count: 128)
        var byteCount = socklen_t(bytes.count)
        let result = unsafe bytes.withUnsafeMutableBytes { octets in
            guard let start = octets.baseAddress else { return Int32(-1) }
            return unsafe getsockname(descriptor, start.assumingMemoryBound(to: sockaddr.self), &byteCount)
        }
        guard result == 0, byteCount >= 3, Int(byteCount) <= bytes.count else { return nil }
        self.bytes = Array(bytes[..<Int(byteCount)])
        // The path may include its terminator or not.
        if family == AF_UNIX, self.bytes.last != 0 { self.bytes.append(0) }
    }

    var family: Int32 {
        bytes.count < 2 ? AF_UNSPEC : unsafe bytes.withUnsafeBytes { unsafe Int32($0.load(as: UInt16.self)) }
    }

    /// Zero for a Unix socket.
    var port: UInt16 {
        family == AF_UNIX || bytes.count < 4 ? 0 : UInt16(bytes[2]) << 8 | UInt16(bytes[3])
    }

    /// Binds the socket (bind(2)).
    ///
    /// The file of a Unix socket never has permissions beyond `mode`, so no other user can connect before the mode is
    /// set. The umask is not changed, because it belongs to the whole process and affects the files that other threads
    /// create.
    ///
    /// - Parameter mode: permission bits; ignored for a socket that is not a file.
    /// - Returns: zero, or the `errno` of the failure.
    func bind(_ descriptor: Int32, mode: UInt16) -> Int32 {
        let isFile = family == AF_UNIX
        // Linux creates the file with the permissions of the socket, less the umask.
        if isFile, fchmod(descriptor, mode_t(mode)) != 0 { return errno }
        guard unsafe withPointer({ unsafe Glibc.bind(descriptor, $0, $1) }) == 0 else { return errno }
        guard isFile else { return 0 }
        let path = String(decoding: bytes.dropFirst(2).prefix { $0 != 0 }, as: UTF8.self)
        return unsafe clinux_set_socket_mode(path, UInt32(mode)) == 0 ? 0 : errno
    }

    private static func native(_ family: UInt16) -> [UInt8] {
        unsafe withUnsafeBytes(of: family) { octets in unsafe Array(octets) }
    }

    private static func header(_ family: Int32, _ port: UInt16) -> [UInt8] {
        native(UInt16(truncatingIfNeeded: family)) + [UInt8(port >> 8), UInt8(port & 0xff)]
    }

    /// Parses a literal (inet_pton(3)).
    private static func parse(_ literal: String, _ family: Int32, byteCount: Int) -> [UInt8]? {
        var octets = [UInt8](repeating: 0, count: byteCount)
        let result = unsafe octets.withUnsafeMutableBytes { buffer in
            unsafe inet_pton(family, literal, buffer.baseAddress)
        }
        return result == 1 ? octets : nil
    }

    /// Calls `body` with the arguments for bind(2) and connect(2).
    func withPointer(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
        unsafe bytes.withUnsafeBytes { octets in
            guard let start = octets.baseAddress else { return -1 }
            return unsafe body(start.assumingMemoryBound(to: sockaddr.self), socklen_t(octets.count))
        }
    }
}

extension SocketAddress: CustomStringConvertible {
    var description: String {
        guard family != AF_UNIX else {
            return "unix:" + String(decoding: bytes.dropFirst(2).prefix { $0 != 0 }, as: UTF8.self)
        }
        let room = bytes + [UInt8](repeating: 0, count: max(0, 28 - bytes.count))
        let host = PeerAddress(socketAddress: room.span, byteCount: bytes.count).description
        return family == AF_INET6 ? "[\(host)]:\(port)" : "\(host):\(port)"
    }
}

extension PeerAddress {
    /// Reads the address that accept4(2) stored. An IPv4-mapped IPv6 address (RFC 4291 §2.5.5.2) is treated as IPv4.
    init(socketAddress bytes: Span<UInt8>, byteCount: Int) {
        guard byteCount >= 8, bytes.count >= 28 else {
            self = .local
            return
        }
        switch Int32(UInt16(bytes[0]) | UInt16(bytes[1]) << 8) {
        case AF_INET: self = .ipv4(UInt32(truncatingIfNeeded: Self.number(bytes, 4..<8)))
        case AF_INET6 where byteCount >= 24:
            let (high, low) = (Self.number(bytes, 8..<16), Self.number(bytes, 16..<24))
            let isMapped = high == 0 && low >> 32 == 0xffff
            self = isMapped ? .ipv4(UInt32(truncatingIfNeeded: low)) : .ipv6(high: high, low: low)
        default: self = .local
        }
    }

    private static func number(_ bytes: Span<UInt8>, _ range: Range<Int>) -> UInt64 {
        range.reduce(0) { $0 << 8 | UInt64(bytes[$1]) }
    }
}
