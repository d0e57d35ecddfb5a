import CLinux
import Foundation
import Glibc
import HTTP
@testable import HTTPServer
import Testing

@Suite("Addresses to listen on")
struct ListeningTests {
    private static func path() -> String { "/tmp/martlet-test-\(UInt64.random(in: 0 ... .max)).sock" }

    private static func server(_ addresses: [ListenAddress]) throws -> Server {
        let listeners = addresses.map { Listener(address: $0, role: .service) }
        return try Server(ServerOptions(listeners: listeners, threads: 1, counters: ConnectionCounters())) { _ in
            TestHandler(gate: TestGate())
        }
    }

    @Test(arguments: ["127.0.0.1", "::1", "localhost"])
    func `takes a literal or localhost`(_ host: String) throws {
        let server = try TestServer(listeners: [Listener(address: .tcp(host: host, port: 0), role: .operator)])
        defer { server.stop() }
        #expect(server.port != 0)
        let answer = try TestClient(.tcp(host: host, port: server.port)).ask(get("/echo"))
        #expect(answer?.body.hasPrefix("get /echo? operator ") == true)
    }

    @Test(arguments: ["example.com", "", "1.2.3", "[::1]", "::g"])
    func `refuses what is not an address`(_ host: String) {
        let address = ListenAddress.tcp(host: host, port: 0)
        #expect(throws: ServerError.addressInvalid(address.description)) { try Self.server([address]) }
    }

    @Test func `says which address is taken, and lets go of the others`() throws {
        let taken = try TestServer()
        defer { taken.stop() }
        let path = Self.path()
        let fault = ServerError.system(
            call: "bind", subject: "127.0.0.1:\(taken.port)", reason: "Address already in use",
            code: EADDRINUSE)
        #expect(throws: fault) {
            try Self.server([.unix(path: path), .tcp(host: "127.0.0.1", port: taken.port)])
        }
        #expect(fault.description == "cannot listen on 127.0.0.1:\(taken.port): bind: Address already in use")
        #expect(access(path, F_OK) != 0)
    }

    @Test func `a Unix socket is for owner and group, and gone at the end`() throws {
        let path = Self.path()
        let server = try TestServer(listeners: [Listener(address: .unix(path: path), role: .service)])
        var information = stat()
        #expect(stat(path, &information) == 0)
        #expect(information.st_mode & 0o777 == 0o660)
        let client = try TestClient(.unix(path: path))
        #expect(client.ask(get("/echo"))?.body == "get /echo? service local\n")
        #expect(server.stop())
        #expect(access(path, F_OK) != 0)
    }

    @Test func `only a socket gets a socket's rights, whatever has taken its place`() throws {
        let (file, link) = (Self.path(), Self.path())
        #expect(FileManager.default.createFile(atPath: file, contents: nil, attributes: [.posixPermissions: 0o600]))
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: file)
        for path in [file, link] { #expect(unsafe clinux_set_socket_mode(path, 0o666) == -1) }
        var information = stat()
        #expect(stat(file, &information) == 0 && information.st_mode & 0o777 == 0o600)
        for path in [file, link] { try FileManager.default.removeItem(atPath: path) }
    }

    @Test func `a socket file is taken over only when nobody listens on it`() throws {
        let path = Self.path()
        let first = try TestServer(listeners: [Listener(address: .unix(path: path), role: .service)])
        #expect(throws: ServerError.socketInUse(path: path)) { try Self.server([.unix(path: path)]) }
        #expect(try TestClient(.unix(path: path)).ask(get("/echo"))?.status == 200)
        first.stop()

        let left = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        let address = try SocketAddress(.unix(path: path))
        #expect(address.withPointer { bind(left, $0, $1) } == 0)
        close(left)
        let second = try TestServer(listeners: [Listener(address: .unix(path: path), role: .service)])
        #expect(try TestClient(.unix(path: path)).ask(get("/echo"))?.status == 200)
        second.stop()
    }

    @Test func `a file that is no socket stays`() throws {
        let path = Self.path()
        try "precious".write(toFile: path, atomically: true, encoding: .utf8)
        defer { unlink(path) }
        let fault = ServerError.system(
            call: "bind", subject: "unix:\(path)", reason: "a file that is not a socket is in the way")
        #expect(throws: fault) { try Self.server([.unix(path: path)]) }
        #expect(try String(contentsOfFile: path, encoding: .utf8) == "precious")
    }

    @Test func `reads the address of a peer`() {
        func peer(_ bytes: [UInt8]) -> PeerAddress {
            PeerAddress(
                socketAddress: (bytes + [UInt8](repeating: 0, count: 28)).span, byteCount: bytes.count)
        }
        let four: [UInt8] = [2, 0, 0x1f, 0x90, 192, 0, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0]
        #expect(peer(four).description == "192.0.2.1")
        let six: [UInt8] =
            [10, 0, 0x1f, 0x90, 0, 0, 0, 0] + [0x20, 1, 0xd, 0xb8] + [UInt8](repeating: 0, count: 11) + [5, 0, 0, 0, 0]
        #expect(peer(six) == .ipv6(high: 0x2001_0db8_0000_0000, low: 5))
        let mapped: [UInt8] =
            [10, 0, 0, 0, 0, 0, 0, 0] + [UInt8](repeating: 0, count: 10) + [255, 255, 192, 0, 2, 1, 0, 0, 0, 0]
        #expect(peer(mapped).description == "192.0.2.1")
        #expect(peer([1, 0]) == .local)
    }
}
