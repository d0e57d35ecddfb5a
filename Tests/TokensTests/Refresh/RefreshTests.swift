import Encoding
import JOSE
import Platform
import Testing
import Tokens

@Suite("Refresh tokens")
struct RefreshTests {
    let fixture: Fixture

    init() throws { fixture = try Fixture() }

    @Test func `what was issued is read back, octet for octet the same each time (G5)`() throws {
        let claims = Fixture.refreshClaims()
        let token = try fixture.issuer.refreshToken(claims)
        let read = try fixture.refreshClaims(token)
        #expect(read.kid == Fixture.refresh.kid)
        #expect(read.withoutKid == claims)
        #expect(try fixture.issuer.refreshToken(claims) == token)
        #expect(try Fixture().issuer.refreshToken(claims) == token)
    }

    @Test func `texts that need escapes survive where they may`() throws {
        var claims = Fixture.refreshClaims()
        claims.scope = "a\"b"
        claims.audience = ["x\\y", "é"]
        claims.methods = []
        claims.generation = .max
        #expect(try fixture.refreshClaims(fixture.issuer.refreshToken(claims)).withoutKid == claims)
    }

    @Test func `idle and absolute ends are told apart (G6, G7)`() throws {
        let token = try fixture.issuer.refreshToken(Fixture.refreshClaims())
        #expect(fixture.refreshRefusal(token, now: Fixture.now.adding(milliseconds: 999_999)) == nil)
        #expect(fixture.refreshRefusal(token, now: Fixture.now.adding(milliseconds: 1_000_000)) == .idle)
        #expect(fixture.refreshRefusal(token, now: Fixture.now.adding(milliseconds: 4_999_999)) == .idle)
        #expect(fixture.refreshRefusal(token, now: Fixture.now.adding(milliseconds: 5_000_000)) == .expired)
        // The leeway is for tokens of others' clocks.
        #expect(
            try Fixture(leeway: 60).refreshRefusal(token, now: Fixture.now.adding(milliseconds: 1_000_000)) == .idle)
    }

    @Test func `neither kind passes as the other (D9)`() throws {
        let refresh = try fixture.issuer.refreshToken(Fixture.refreshClaims())
        #expect(fixture.refusal(refresh) == .typMismatch)
        #expect(fixture.refusal(refresh, audience: Fixture.issuerName) == .typMismatch)
        for algorithm in Algorithm.allCases {
            let fixture = try Fixture(Fixture.everyKeyring)
            let access = try fixture.issuer.accessToken(Fixture.grant(algorithm))
            #expect(fixture.refreshRefusal(access) == .typMismatch)
        }
    }

    @Test func `a swapped typ does not help, whatever key signs (D9)`() {
        let keys = [Fixture.hmac, Fixture.rsa, Fixture.refresh]
        for key in keys {
            for typ in ["at+jwt", "rt+jwt", "application/rt+jwt", "JWT"] {
                let header = Forge.header(key, typ: typ)
                let access = Forge.token(header: header, key: key)
                let isAccess = key.purpose == .access && typ == "at+jwt"
                #expect(fixture.refusal(access) == (isAccess ? nil : .typMismatch), "\(header)")
                let refresh = Forge.token(header: header, payload: Self.payload, key: key)
                let isRefresh = key.purpose == .refresh && typ.hasSuffix("rt+jwt")
                #expect(fixture.refreshRefusal(refresh) == (isRefresh ? nil : .typMismatch), "\(header)")
            }
        }
    }

    @Test(arguments: [
        "aud", "sid", "gen", "sub", "client_id", "iat", "exp", "sxp", "taud", "scope", "auth_time", "amr",
    ])
    func `every claim is required`(_ name: String) throws {
        let claim = try #require(Claim(rawValue: name))
        #expect(fixture.refreshRefusal(Self.forged { $0.removeAll { $0.0 == name } }) == .claimMissing(claim))
    }

    @Test(arguments: [
        ("gen", "-1"), ("gen", "4294967296"), ("gen", "1.5"), ("gen", #""1""#), ("gen", "1e999"), ("sid", "1"),
        ("sid", #""x""#),
        ("sub", #""\u0061""#), ("sub", #""""#), ("sxp", "null"), ("exp", #""1""#), ("taud", #""api""#), ("taud", "[1]"),
        ("amr", "{}"), ("scope", "[]"), ("aud", "1"),
    ])
    func `a claim of another form is refused`(_ name: String, _ value: String) throws {
        let claim = try #require(Claim(rawValue: name))
        let token = Self.forged { members in
            members.removeAll { $0.0 == name }
            members.append((name, value))
        }
        #expect(fixture.refreshRefusal(token) == .claimInvalid(claim))
    }

    @Test func `a refresh token of another issuer is refused`() throws {
        let other = try Issuer(keyring: Fixture.keyring, issuer: "https://other.example")
        #expect(fixture.refreshRefusal(try other.refreshToken(Fixture.refreshClaims())) == .audienceMismatch)
    }

    @Test func `a refresh token out of range is not issued`() {
        var claims = Fixture.refreshClaims()
        claims.issuedAt = .distantFuture
        #expect(throws: IssueError.claimUnwritable(.issuedAt)) { try fixture.issuer.refreshToken(claims) }
        claims = Fixture.refreshClaims()
        claims.sessionEnd = -1
        #expect(throws: IssueError.claimUnwritable(.sessionEnd)) { try fixture.issuer.refreshToken(claims) }
    }

    private static let members = [
        ("aud", #""https://auth.example""#), ("sid", #""019a0000-0000-7001-8000-000000000001""#), ("gen", "3"),
        ("sub", #""alice""#), ("client_id", #""first-party""#), ("iat", "1800000000"), ("exp", "1800001000"),
        ("sxp", "1800005000"), ("taud", #"["api"]"#), ("scope", #""read""#), ("auth_time", "1799999900"),
        (
            "amr",
            #"["pwd"]"#
        ),
    ]
    private static let payload = text(members)

    private static func text(_ members: [(String, String)]) -> String {
        "{" + members.map { "\"\($0.0)\":\($0.1)" }.joined(separator: ",") + "}"
    }

    private static func forged(_ change: (inout [(String, String)]) -> Void) -> [UInt8] {
        var members = members
        change(&members)
        return Forge.token(
            header: Forge.header(Fixture.refresh, typ: "rt+jwt"), payload: text(members), key: Fixture.refresh)
    }
}

extension RefreshClaims {
    fileprivate var withoutKid: RefreshClaims {
        RefreshClaims(
            sid: sid, generation: generation, subject: subject, clientID: clientID, issuedAt: issuedAt,
            expiresAt: expiresAt, sessionEnd: sessionEnd, audience: audience, scope: scope, authTime: authTime,
            methods: methods
        )
    }
}
