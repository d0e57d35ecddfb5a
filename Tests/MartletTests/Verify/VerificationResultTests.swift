import HTTPClient
import Testing
import Tokens
@testable import martlet

@Suite("Verdicts and how they are told")
struct VerdictTests {
    @Test func `of many tokens the worst decides`() {
        #expect(VerificationResult.Outcome.worst([]).exitCode == 0)
        #expect(VerificationResult.Outcome.worst([.valid, .valid]).exitCode == 0)
        #expect(VerificationResult.Outcome.worst([.valid, .expiring]).exitCode == 4)
        #expect(VerificationResult.Outcome.worst([.expiring, .unknown, .valid]).exitCode == 3)
        #expect(VerificationResult.Outcome.worst([.expiring, .refused, .unknown]).exitCode == 1)
    }

    @Test func `an annotation is one line, and its text no command`() {
        let verdict = VerificationResult.refused("claim_mismatch", "50% of\r\n::error::a, b: c")
        let text = VerificationResultText.annotation(verdict, number: 2)
        #expect(
            text
                == "::error title=martlet verify%2C token 2::rejected: claim_mismatch: 50%25 of\\u{d}\\u{a}::error::a, b: c\n"
        )
        #expect(VerificationResultText.data("%\r\n:,") == "%25%0D%0A:,")
        #expect(VerificationResultText.property("%\r\n:,") == "%25%0D%0A%3A%2C")
    }

    @Test func `a report escapes what XML has a meaning or no place for`() {
        #expect(JUnitReport.escaped("a<b>&\"'\u{9}\u{A}\u{D}") == "a&lt;b&gt;&amp;&quot;&apos;&#9;&#10;&#13;")
        #expect(JUnitReport.escaped("\u{0}\u{1B}\u{FFFE}é😀") == "\u{FFFD}\u{FFFD}\u{FFFD}é😀")
    }

    @Test func `a report counts failures and errors apart`() {
        let text = JUnitReport.text([.refused("a", "b"), .unknown("c", "d")])
        #expect(text.contains(#"<testsuites tests="2" failures="1" errors="1">"#))
        #expect(text.contains(#"<failure type="a" message="b">rejected: a: b</failure>"#))
        #expect(text.contains(#"<error type="c" message="d">undecided: c: d</error>"#))
    }

    @Test(arguments: [
        ("plain é 😀", "plain é 😀"), ("\u{1B}[2J", "\\u{1b}[2J"), ("a\nb\r", "a\\u{a}b\\u{d}"),
        ("\u{9B}x\u{7F}", "\\u{9b}x\\u{7f}"),
        ("a\u{202E}b\u{200B}\u{FEFF}\u{E0041}", "a\\u{202e}b\\u{200b}\\u{feff}\\u{e0041}"),
    ])
    func `nothing from a stranger acts on a terminal`(_ text: String, _ shown: String) {
        #expect(Printable.text(text) == shown)
    }

    @Test func `JSON is written anew with the same values`() {
        let text = #"{ "a" : "\u001b\u202e\ud83d\ude00", "b":[1.50e1, null,{}],"# + "\n\"c\":\"\u{9B}\u{E0041}\"}"
        #expect(
            JSONRendering.text(Array(text.utf8), isPretty: false)
                == #"{"a":"\u001b\u202e😀","b":[1.50e1,null,{}],"c":"\u009b\udb40\udc41"}"#)
        #expect(JSONRendering.text(Array("{}x".utf8), isPretty: true) == nil)
    }

    @Test(arguments: [
        (0, "0s"), (59, "59s"), (60, "1m"), (592, "9m 52s"), (3_600, "1h"), (11_105, "3h 5m"), (187_200, "2d 4h"),
        (-5, "0s"),
    ])
    func `spans are told in two units`(_ seconds: Int64, _ text: String) {
        #expect(TimeText.span(seconds) == text)
    }

    @Test(
        arguments: [("90", 90), ("90s", 90), ("15m", 900), ("1h", 3_600), ("7d", 604_800), ("0", 0)]
            as [(String, Int64)])
    func `times are taken with a unit, or in seconds`(_ text: String, _ seconds: Int64) {
        #expect(TimeText.seconds(text) == seconds)
    }

    @Test(arguments: ["", "s", "-1", "+1", "1.5", "1 s", "1y", "1ms", "9999999999", "٣s"])
    func `what is no time is refused`(_ text: String) {
        #expect(TimeText.seconds(text) == nil)
    }
}

@Suite("What verify is told")
struct VerifyOptionsTests {
    @Test func `a server is asked at its verify path`() throws {
        for (text, target) in [
            ("https://a.example", "/verify"), ("https://a.example/", "/verify"), ("https://a.example/b", "/b/verify"),
        ] {
            guard case .server(let address) = try VerifyOptions(["x", "--server", text]).keys else {
                Issue.record("no server")
                continue
            }
            #expect(address.target == target)
        }
    }

    @Test func `an issuer names keys only where nothing else does`() throws {
        let issuer = ["x", "--issuer", "https://a.example"]
        #expect(try VerifyOptions(issuer).keys == .issuer("https://a.example"))
        #expect(try VerifyOptions(issuer).expectations.issuer == "https://a.example")
        #expect(try VerifyOptions(issuer + ["--jwks", "f"]).keys == .file("f"))
        #expect(try VerifyOptions(issuer + ["--jwks", "f"]).expectations.issuer == "https://a.example")
    }

    @Test func `a word too many is not repeated, because it may be a token`() throws {
        let scratch = try Scratch()
        let secret = "eyJhbGciOiJub25lIn0.e30.c2VjcmV0"
        for words in [
            ["verify", "x", secret], ["decode", "x", secret], ["jws", "verify", "x", secret],
            ["verify", "-" + secret + secret],
        ] {
            let outcome = try Program.run(words, in: scratch)
            #expect(outcome.status == 2 && !outcome.complaint.contains("c2VjcmV0") && outcome.output.isEmpty)
        }
    }

    @Test func `a token that lives exactly as long as was asked for is valid`() throws {
        let claims = try TokenExpectations().check(Array(#"{"exp":1000}"#.utf8), typ: "JWT", now: 1_000)
        func outcome(_ timeLeft: Int64) -> VerificationResult.Outcome {
            let facts = VerificationResult.Facts(
                payload: [], claims: claims, algorithm: "RS256", kid: nil, timeLeft: timeLeft)
            return VerificationResult.good(facts, timeLeftMin: 60).outcome
        }
        #expect(outcome(61) == .valid && outcome(60) == .valid && outcome(59) == .expiring)
    }

    @Test(arguments: [
        ("##[group]x", "#\\u{23}[group]x"), ("x ##vso[task]y", "x #\\u{23}vso[task]y"),
        ("###[a]", "#\\u{23}\\u{23}[a]"),
        ("# [a] #", "# [a] #"),
    ])
    func `no build command survives in a text`(_ text: String, _ shown: String) {
        #expect(Printable.text(text) == shown)
        #expect(JUnitReport.escaped(text).contains("##") == false)
        #expect(VerificationResultText.json(.refused("a", text), number: nil).contains("##") == false)
        #expect(VerificationResultText.line(.refused("a", text), number: nil).contains("##") == false)
        #expect(VerificationResultText.annotation(.refused("a", text), number: nil).contains("##") == false)
    }

    @Test func `JSON with a broken build command has the same value`() throws {
        let text = try #require(JSONRendering.text(Array(###"{"##a":"##vso[x]"}"###.utf8), isPretty: false))
        #expect(text == ###"{"#\u0023a":"#\u0023vso[x]"}"###)
    }

    @Test(arguments: [
        ("Bearer ey.a.b", "The text begins with \"Bearer\". Pass only the token."),
        ("\"ey.a.b\"", "The text contains quotes or brackets. Pass only the token."),
        ("ey.a.b\"", "The text contains quotes or brackets. Pass only the token."),
        ("ey.a\u{A0}.b", "The text has the byte 0xc2, which no token contains."),
        ("ey.a b.c", "The text contains spaces or line breaks. A token is one word."),
        (
            "ey.a.b==",
            "The token contains + / or =, so it is base64. Tokens use base64url without padding (RFC 7515)."
        ),
    ])
    func `what is pasted along with a token is named`(_ text: String, _ reason: String) {
        #expect(VerificationResult.complaint(about: Array(text.utf8)) == .refused("token_malformed", reason))
    }

    @Test func `a token has nothing to complain about`() {
        #expect(VerificationResult.complaint(about: Array("eyJ-_.a.b".utf8)) == nil)
    }
}
