import JOSE
import Platform
import Testing
import Tokens

@Suite("What is expected of anybody's token")
struct TokenExpectationsTests {
    static let now: UnixMilliseconds = 1_800_000_000_500
    static let good = """
        {"iss":"https://issuer.example","sub":"amy","aud":["a","b"],"iat":1800000000,"nbf":1800000000,"exp":1800000600}
        """

    /// Why a payload is refused; `nil` if it is not.
    private func refusal(
        _ payload: String = good, typ: String? = "JWT", now: UnixMilliseconds = now,
        _ change: (inout TokenExpectations) -> Void = { _ in }
    ) -> ExpectationError? {
        var expectations = TokenExpectations()
        change(&expectations)
        do {
            _ = try expectations.check(Array(payload.utf8), typ: typ, now: now)
            return nil
        } catch {
            return error
        }
    }

    private func payload(_ members: String) -> String { #"{"exp":1800000600,\#(members)}"# }

    @Test func `nothing more than a future end is demanded of a token`() {
        #expect(refusal(#"{"exp":1800000001}"#, typ: nil) == nil)
        #expect(refusal(#"{"exp":1800000000}"#) == .rejected(.expired))
        #expect(refusal("{}") == .rejected(.claimMissing(.expiresAt)))
        for text in ["[]", "", "x", #"{"exp":1800000600,"exp":1800000600}"#, "\u{FEFF}" + Self.good] {
            #expect(refusal(text) == .rejected(.malformed(.payload)))
        }
    }

    @Test(arguments: [
        ("1800000000.9", "1800000000.4"), ("18000000009e-1", "1.8e9"), ("1800000001", "-1.5"), ("1e999", "-1e999"),
        ("9223372036854775808", "0.25"), ("253402300800", "-62135596801"),
    ])
    func `a time is a number, with a fraction, before 1970 or after 9999`(_ future: String, _ past: String) {
        #expect(refusal(#"{"exp":\#(future)}"#) == nil)
        #expect(refusal(#"{"exp":\#(past)}"#) == .rejected(.expired))
        #expect(refusal(payload(#""iat":\#(past)"#)) == nil)
    }

    @Test func `a fraction moves neither end of a token's life`() {
        // The clock says half a second past 1800000000.
        #expect(refusal(#"{"exp":1800000000.501}"#) == nil)
        #expect(refusal(#"{"exp":1800000000.5}"#) == .rejected(.expired))
        #expect(refusal(payload(#""nbf":1800000000.5"#)) == nil)
        #expect(refusal(payload(#""nbf":1800000000.5001"#)) == .rejected(.notActive))
        #expect(refusal(payload(#""iat":1e999"#)) == .issuedAhead)
    }

    @Test(arguments: ["\"1800000600\"", "true", "null", "[1800000600]", "1e1000001"])
    func `a time is nothing but a number`(_ text: String) {
        #expect(refusal(#"{"exp":\#(text)}"#) == .rejected(.claimInvalid(.expiresAt)))
        #expect(refusal(payload(#""nbf":\#(text)"#)) == .rejected(.claimInvalid(.notBefore)))
        #expect(refusal(payload(#""iat":\#(text)"#)) == .rejected(.claimInvalid(.issuedAt)))
    }

    @Test func `leeway moves both ends, by a minute at most`() {
        let late = #"{"exp":1799999990,"nbf":1799999000}"#
        #expect(refusal(late) { $0.leeway = 10 } == .rejected(.expired))
        #expect(refusal(late) { $0.leeway = 11 } == nil)
        #expect(refusal(#"{"exp":1799999900}"#) { $0.leeway = .max } == .rejected(.expired))
        #expect(refusal(payload(#""nbf":1800000010"#)) == .rejected(.notActive))
        #expect(refusal(payload(#""nbf":1800000010"#)) { $0.leeway = 10 } == nil)
        #expect(refusal(payload(#""iat":1800000060"#)) == nil)
        #expect(refusal(payload(#""iat":1800000061"#)) == .issuedAhead)
    }

    @Test func `no clock overflows`() {
        #expect(refusal(now: .distantFuture) { $0.leeway = .max } == .rejected(.expired))
        #expect(refusal(now: .distantPast) == .rejected(.notActive))
        #expect(refusal(payload(#""iat":0"#)) { $0.ageMax = .max } == nil)
        #expect(refusal(payload(#""auth_time":0"#)) { $0.ageMax = 0 } == .tooOld)
    }

    @Test func `issuer, audience and subject are compared octet by octet`() {
        #expect(refusal { $0.issuer = "https://issuer.example" } == nil)
        #expect(refusal { $0.issuer = "https://issuer.example/" } == .rejected(.issuerMismatch))
        #expect(refusal(payload(#""x":1"#)) { $0.issuer = "i" } == .rejected(.claimMissing(.issuer)))
        #expect(refusal { $0.audiences = ["x", "b"] } == nil)
        #expect(refusal { $0.audiences = ["B"] } == .rejected(.audienceMismatch))
        #expect(refusal(payload(#""aud":"b""#)) { $0.audiences = ["b"] } == nil)
        #expect(refusal(payload(#""aud":"\u00e9""#)) { $0.audiences = ["e\u{301}"] } == .rejected(.audienceMismatch))
        #expect(refusal(payload(#""aud":["b",1]"#)) { $0.audiences = ["b"] } == .rejected(.claimInvalid(.audience)))
        #expect(refusal(payload(#""x":1"#)) { $0.audiences = ["b"] } == .rejected(.claimMissing(.audience)))
        #expect(refusal { $0.subject = "amy" } == nil)
        #expect(refusal { $0.subject = "amy " } == .subjectMismatch)
        #expect(refusal(payload(#""sub":7"#)) == .rejected(.claimInvalid(.subject)))
        #expect(refusal(payload(#""x":1"#)) { $0.subject = "" } == .rejected(.claimMissing(.subject)))
    }

    @Test func `the age counts from the login, else from the issue`() {
        #expect(refusal { $0.ageMax = 0 } == nil)
        #expect(refusal(payload(#""iat":1799999000,"auth_time":1799999990"#)) { $0.ageMax = 10 } == nil)
        #expect(refusal(payload(#""iat":1800000000,"auth_time":1799999989"#)) { $0.ageMax = 10 } == .tooOld)
        #expect(refusal(payload(#""x":1"#)) { $0.ageMax = 10 } == .rejected(.claimMissing(.issuedAt)))
    }

    @Test func `scopes are words, in scope or else in scp`() {
        for (members, isMet) in [
            (#""scope":"a b""#, true), (#""scope":["b","a"]"#, true), (#""scp":"b a""#, true),
            (#""scp":["a","b"]"#, true),
            (#""scope":"a","scp":"b""#, false), (#""scope":"ab""#, false), (#""scope":"a b\u0301""#, false),
            (#""scope":7"#, false),
            (#""x":1"#, false),
        ] {
            #expect((refusal(payload(members)) { $0.scopes = ["a", "b"] } == nil) == isMet, "\(members)")
        }
    }

    @Test func `a claim that is not as expected is named`() throws {
        let path = try #require(ClaimPath("sub"))
        let claim = try #require(ClaimExpectation(path, text: "bob"))
        #expect(refusal { $0.claims = [claim] } == .claimMismatch("sub"))
    }

    @Test(arguments: [
        (nil, nil, true), ("JWT", nil, true), ("jwt", nil, true), ("application/at+jwt", nil, true),
        ("rt+jwt", nil, false),
        ("", nil, false), ("jwt ", nil, false), ("application/x/jwt", nil, false), ("dpop+jwt", nil, false),
        ("at+jwt", "at+jwt", true), ("application/AT+JWT", "at+jwt", true), ("JWT", "at+jwt", false),
        (nil, "JWT", false),
        ("rt+jwt", "application/rt+jwt", true),
    ])
    func `typ keeps kinds of tokens apart`(_ typ: String?, _ expected: String?, _ isGood: Bool) {
        #expect((refusal(typ: typ) { $0.type = expected } == nil) == isGood)
    }

    @Test(arguments: [
        (#"{"alg":"RS256","kid":"\u0061","typ":"JWT"}"#, "a"), (#"{"alg":"ES256"}"#, nil),
        (#"{"alg":"EdDSA","jwk":{},"jku":"x"}"#, nil),
    ])
    func `a header may name its key`(_ text: String, _ kid: String?) throws {
        #expect(try JWSHeader(Array(text.utf8)).kid == kid)
    }

    @Test(arguments: [
        (#"{"alg":"none"}"#, TokenRejection.algNotAllowed), (#"{"alg":"rs256"}"#, .algNotAllowed),
        ("{}", .malformed(.header)),
        (#"{"alg":7}"#, .malformed(.header)), (#"{"alg":"RS256","kid":7}"#, .malformed(.header)),
        (#"{"alg":"RS256","typ":null}"#, .malformed(.header)), (#"{"alg":"RS256","crit":[]}"#, .criticalUnsupported),
        (#"{"alg":"RS256","b64":true}"#, .criticalUnsupported),
        (#"{"alg":"RS256","alg":"RS256"}"#, .malformed(.header)),
        ("[]", .malformed(.header)), ("", .malformed(.header)),
    ])
    func `a header that asks for what there is not is refused`(_ text: String, _ rejection: TokenRejection) {
        #expect(throws: rejection) { try JWSHeader(Array(text.utf8)) }
    }
}
