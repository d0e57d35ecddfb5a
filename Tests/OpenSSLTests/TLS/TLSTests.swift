import Foundation
import Glibc
import OpenSSL
import Platform
import Testing

@Suite("TLS")
struct TLSTests {
    static let now: UnixSeconds = 1_800_000_000
    static let day: Int64 = 86_400

    private let pair: SelfSignedPair

    init() throws {
        pair = try SelfSignedPair(now: Self.now, days: 10)
    }

    private func context(
        certificates: [UInt8]? = nil, privateKey: [UInt8]? = nil, authorities: [UInt8]? = nil,
        now: UnixSeconds = Self.now
    ) throws(CryptoError) -> TLSContext {
        try TLSContext(
            certificates: certificates ?? pair.certificate, privateKey: privateKey ?? pair.privateKey,
            clientAuthorities: authorities, now: now)
    }

    @Test func `a pair serves from a day before it was made until its last day`() throws {
        _ = try context()
        _ = try context(now: Self.now.adding(seconds: -Self.day + 1))
        _ = try context(now: Self.now.adding(seconds: 10 * Self.day - 1))
        #expect(throws: CryptoError.certificateExpired(at: "Jan 25 08:00:00 2027 GMT")) {
            try context(now: Self.now.adding(seconds: 10 * Self.day))
        }
        #expect(throws: CryptoError.certificateNotYetValid(until: "Jan 14 08:00:00 2027 GMT")) {
            try context(now: Self.now.adding(seconds: -Self.day - 1))
        }
    }

    @Test func `a key that is another certificate's is refused`() throws {
        let other = try SelfSignedPair(now: Self.now, days: 10)
        #expect(throws: CryptoError.keyMismatch) { try context(privateKey: other.privateKey) }
    }

    @Test(arguments: ["", "no PEM", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
    func `what is no PEM is refused wherever it stands`(_ text: String) throws {
        let octets = Array(text.utf8)
        let cut = pair.certificate + octets + Array("\n-----BEGIN CERTIFICATE-----\nMII".utf8)
        for certificates in [octets, cut] {
            let fault = #expect(throws: CryptoError.self) { try context(certificates: certificates) }
            #expect("\(fault, default: "")".hasPrefix("no usable certificate in PEM"))
        }
        let keyFault = #expect(throws: CryptoError.self) { try context(privateKey: octets) }
        #expect("\(keyFault, default: "")".hasPrefix("no usable private key in PEM"))
        let authoritiesFault = #expect(throws: CryptoError.self) { try context(authorities: octets) }
        #expect("\(authoritiesFault, default: "")".hasPrefix("no usable certificates of authorities in PEM"))
    }

    @Test func `a file that holds something else is told so`() throws {
        let damaged = Array("-----BEGIN PRIVATE KEY-----\n!!!!\n-----END PRIVATE KEY-----\n".utf8)
        let locked = Array(
            """
            -----BEGIN ENCRYPTED PRIVATE KEY-----
            MAUGASoEAA==
            -----END ENCRYPTED PRIVATE KEY-----

            """.utf8)
        let cases: [([UInt8], String)] = [
            ([], "the file is empty"), (Array("ssh-rsa AAAA".utf8), "it is not PEM"),
            (damaged, "a PEM part of it is damaged"),
            ([0x30, 0x82, 0x01], "it is DER. Convert it: openssl pkey -inform DER -in FILE -out FILE.pem"),
            (pair.certificate, "it contains a certificate"),
            (locked, "it is encrypted with a passphrase. Decrypt it: openssl pkey -in FILE -out FILE.pem"),
        ]
        for (content, reason) in cases {
            #expect(throws: CryptoError.privateKey(reason: reason)) { try context(privateKey: content) }
        }
        #expect(throws: CryptoError.certificate(reason: "it contains a private key")) {
            try context(certificates: pair.privateKey)
        }
        #expect(throws: CryptoError.authorities(reason: "the file is empty")) { try context(authorities: []) }
    }

    @Test func `no key stands in a fault's text`() throws {
        let other = try SelfSignedPair(now: Self.now, days: 10)
        let text = String(decoding: other.privateKey, as: UTF8.self)
        let secret = text.split(separator: "\n")[1]
        do {
            _ = try context(certificates: other.privateKey, privateKey: other.privateKey)
            Issue.record("a key is no certificate")
        } catch {
            #expect(!"\(error)".contains(secret))
        }
    }

    @Test func `a session moves octets both ways and says farewell`() throws {
        let identity = TLSIdentity(try context())
        let (near, far) = try Self.sockets()
        defer { close(far) }
        let session = try #require(identity.session(near))
        identity.replace(with: try context())
        let answer = Answer()
        let done = DispatchSemaphore(value: 0)
        Thread.detachNewThread {
            answer.set(TLSProbe.ask(Array("ping".utf8), over: far, byteCountMax: 64))
            done.signal()
        }
        #expect(Self.pump(near) { session.shakeHands() } == .moved(1))
        var question = [UInt8](repeating: 0, count: 16_384)
        let read = Self.pump(near) { question.withUnsafeMutableBytes { session.read(into: $0) } }
        #expect(read == .moved(4) && question.starts(with: Array("ping".utf8)))
        #expect(Self.pump(near) { Array("pong".utf8).withUnsafeBytes { session.write($0) } } == .moved(4))
        done.wait()
        #expect(answer.value == Array("pong".utf8))
        session.sayFarewell()
        close(near)
    }

    @Test func `octets that are no TLS fail once and for all`() throws {
        let (near, far) = try Self.sockets()
        defer { close(near) }
        let session = try #require(try context().session(near))
        #expect(session.shakeHands() == .wantsReading)
        let text = Array("GET / HTTP/1.1\r\n\r\n".utf8)
        #expect(send(far, text, text.count, 0) == text.count)
        #expect(session.shakeHands() == .failed)
        session.sayFarewell()
        close(far)
        var octet: [UInt8] = [0]
        #expect(octet.withUnsafeMutableBytes { session.read(into: $0) } == .failed)
    }

    /// The near end does not block.
    private static func sockets() throws -> (near: Int32, far: Int32) {
        var ends: [Int32] = [-1, -1]
        try #require(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0)
        try #require(fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0)
        return (ends[0], ends[1])
    }

    /// Repeats `step` when the socket is ready for it, in vain after ten seconds of silence.
    private static func pump(_ descriptor: Int32, _ step: () -> TLSSession.Outcome) -> TLSSession.Outcome {
        while true {
            let outcome = step()
            guard outcome == .wantsReading || outcome == .wantsWriting else { return outcome }
            let event = outcome == .wantsReading ? POLLIN : POLLOUT
            var waiting = pollfd(fd: descriptor, events: Int16(event), revents: 0)
            guard poll(&waiting, 1, 10_000) > 0 else { return outcome }
        }
    }
}

/// What another thread has found.
private final class Answer: @unchecked Sendable {
    private let lock = NSLock()
    private var stored: [UInt8]?

    var value: [UInt8]? { lock.withLock { stored } }

    func set(_ value: [UInt8]?) { lock.withLock { stored = value } }
}
