import Encoding
import JOSE
import Keys
import Platform
import Testing
import Tokens

@Suite("Device tokens are a kind of their own")
struct DeviceTokenTests {
    private static let id = Encoding.UUID(high: 0x019A_0000_0000_7001, low: 0x8000_0000_0000_0009)
    private static let issued = DeviceClaims(
        id: id, subject: "alice", issuedAt: Fixture.seconds, expiresAt: Fixture.seconds.adding(seconds: 15_552_000))

    private let fixture: Fixture

    init() throws { fixture = try Fixture() }

    private func refusal(_ token: [UInt8], at now: UnixMilliseconds = Fixture.now) -> TokenRejection? {
        do {
            _ = try fixture.verifier.verifyDevice(token.span, now: now)
            return nil
        } catch {
            return error
        }
    }

    private static let payload = """
        {"aud":"https://auth.example","sub":"alice","jti":"\(id)","iat":1800000000,"exp":1815552000}
        """

    private func forged(
        _ payload: String = payload, typ: String = "dt+jwt", key: Key = Fixture.refresh
    ) -> [UInt8] {
        Forge.token(header: Forge.header(key, typ: typ), payload: payload, key: key)
    }

    @Test func `has its claims and a type of its own, and passes our own verifier`() throws {
        let token = try fixture.issuer.deviceToken(Self.issued)
        let parts = String(decoding: token, as: UTF8.self).split(separator: ".").map {
            String(decoding: Base64URL.decode(Array($0.utf8).span) ?? [], as: UTF8.self)
        }
        #expect(parts[0] == #"{"alg":"HS256","typ":"dt+jwt","kid":"\#(Fixture.refresh.kid)"}"#)
        #expect(parts[1] == Self.payload)
        #expect(token == forged())
        var read = try fixture.verifier.verifyDevice(token.span, now: Fixture.now)
        #expect(read.kid == Fixture.refresh.kid)
        read = DeviceClaims(id: read.id, subject: read.subject, issuedAt: read.issuedAt, expiresAt: read.expiresAt)
        #expect(read == Self.issued)
    }

    @Test func `is never an access token or a refresh token, and neither is one`() throws {
        let device = try fixture.issuer.deviceToken(Self.issued)
        #expect(fixture.refusal(device) == .typMismatch)
        #expect(fixture.refreshRefusal(device) == .typMismatch)
        #expect(refusal(try fixture.issuer.refreshToken(Fixture.refreshClaims())) == .typMismatch)
        for algorithm in [Algorithm.hs256, .rs256] {
            #expect(refusal(try fixture.issuer.accessToken(Fixture.grant(algorithm))) == .typMismatch)
        }
    }

    @Test(arguments: ["rt+jwt", "at+jwt", "JWT", "dt", ""])
    func `every other type is refused`(typ: String) {
        #expect(refusal(forged(typ: typ)) == .typMismatch)
    }

    @Test func `only a refresh secret signs it`() {
        #expect(refusal(forged(key: Fixture.hmac)) == .typMismatch)
        var token = forged()
        token[token.count - 2] ^= 1
        #expect(refusal(token) != nil)
        #expect(refusal([]) != nil)
        #expect(refusal(Array("a.b.c".utf8)) != nil)
    }

    @Test(arguments: [
        ("aud", #""api""#), ("sub", #""""#), ("sub", "1"), ("jti", #""x""#),
        ("jti", #""0191a2b3-c4d5-8e6f-8091-a2b3c4d5e6f7""#), ("iat", "-1"), ("exp", "1e3"), ("exp", #""1""#),
    ])
    func `every claim has one form`(claim: String, value: String) {
        let members = [
            ("aud", #""https://auth.example""#), ("sub", #""alice""#), ("jti", "\"\(Self.id)\""), ("iat", "1800000000"),
            ("exp", "1815552000"),
        ]
        func payload(_ replaced: String?) -> String {
            let texts = members.compactMap { name, plain in
                name == claim ? replaced.map { "\"\(name)\":\($0)" } : "\"\(name)\":\(plain)"
            }
            return "{\(texts.joined(separator: ","))}"
        }
        #expect(refusal(forged(payload(value))) != nil)
        #expect(refusal(forged(payload(nil))) != nil, "\(claim) is required")
    }

    @Test func `ends with the second of exp, and with its key`() {
        let end: UnixMilliseconds = 1_815_552_000_000
        #expect(refusal(forged(), at: end.adding(milliseconds: -1)) == nil)
        #expect(refusal(forged(), at: end) == .expired)
    }
}
