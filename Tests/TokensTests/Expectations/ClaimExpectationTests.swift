import Encoding
import Testing
import Tokens

@Suite("What a claim must be")
struct ClaimExpectationTests {
    static let payload = """
        {"text":"main","number":1.0,"big":9007199254740993,"yes":true,"no":false,"nothing":null,"list":["a",2,true,[3]],
        "kubernetes.io":{"namespace":"prod","pods":[{"name":"x"},{"name":"y"}]},"a/b":{"m~n":"slashes"},"":"empty",
        "esc\\u0061ped":"v\\u0061lue","accent":"\\u00e9","truth":"true","digits":"1","object":{"a":[1,{"b":null}],"c":"d"}}
        """

    private func isMet(_ path: String, text: String) throws -> Bool {
        let claim = try #require(ClaimPath(path))
        return try isMet(#require(ClaimExpectation(claim, text: text)))
    }

    private func isMet(_ path: String, json: String) throws -> Bool {
        try isMet(ClaimExpectation(#require(ClaimPath(path)), json: json))
    }

    private func isMet(_ expectation: ClaimExpectation) throws -> Bool {
        let octets = Array(Self.payload.utf8)
        var document = JSONDocument()
        try document.parse(octets.span)
        return expectation.isMet(by: document, octets.span)
    }

    @Test(arguments: [
        ("text", "main"), ("number", "1"), ("number", "1e0"), ("big", "9007199254740993"), ("yes", "true"),
        ("no", "false"),
        ("nothing", "null"), ("list", "a"), ("list", "2.0"), ("list", "true"), ("kubernetes.io", ""), ("truth", "true"),
        ("digits", "1"), ("/kubernetes.io/namespace", "prod"), ("/kubernetes.io/pods/1/name", "y"),
        ("/a~1b/m~0n", "slashes"),
        ("escaped", "value"), ("/list/0", "a"), ("/text", "main"),
    ])
    func `a text meets a value of the same characters, or the same number`(_ path: String, _ text: String) throws {
        #expect(try isMet(path, text: text) == (path != "kubernetes.io"))
    }

    @Test(arguments: [
        ("text", "Main"), ("text", "main "), ("text", ""), ("text", "\"main\""), ("number", "1.1"), ("number", "one"),
        ("number", ""),
        ("big", "9007199254740992"), ("yes", "True"), ("yes", "1"), ("no", ""), ("nothing", ""), ("list", "3"),
        ("list", "[3]"),
        ("missing", ""), ("missing", "null"), ("object", "{}"), ("accent", "e\u{301}"),
        ("/kubernetes.io/pods/2/name", "y"),
        ("/kubernetes.io/pods/01/name", "y"), ("/kubernetes.io/pods/-1/name", "x"), ("/text/0", "m"),
        ("a/b", "slashes"),
        ("/list/99999999999999999999", "a"), ("digits", "1.0"), ("TEXT", "main"),
    ])
    func `a text does not meet another value`(_ path: String, _ text: String) throws {
        #expect(try !isMet(path, text: text))
    }

    @Test(arguments: [
        ("text", "\"m\\u0061in\""), ("number", "1"), ("yes", "true"), ("nothing", "null"),
        ("list", #"["a", 2e0, true, [3]]"#),
        ("object", #"{"c":"d","a":[1.0,{"b":null}]}"#), ("truth", "\"true\""),
    ])
    func `JSON meets a value of the same type`(_ path: String, _ json: String) throws {
        #expect(try isMet(path, json: json))
    }

    @Test(arguments: [
        ("truth", "true"), ("digits", "1"), ("yes", "\"true\""), ("number", "\"1\""), ("list", "\"a\""),
        ("list", #"["a",2,true]"#),
        ("list", #"[2,"a",true,[3]]"#), ("object", #"{"a":[1,{"b":null}]}"#),
        ("object", #"{"a":[1,{"b":false}],"c":"d"}"#),
        ("object", #"{"a":[1,{"b":null}],"c":"d","e":1}"#), ("nothing", "false"), ("missing", "null"),
    ])
    func `JSON does not meet another type, order or extent`(_ path: String, _ json: String) throws {
        #expect(try !isMet(path, json: json))
    }

    @Test(arguments: ["", "/", "/a~2", "/a~", "~/~"])
    func `a pointer is well-formed, or none`(_ path: String) {
        #expect((ClaimPath(path) == nil) == (path != "~/~"))
    }

    @Test(arguments: [
        ("", JSONError.unterminated), ("x", .unexpected(0)), ("{", .unterminated), ("1 2", .trailing(2)),
        ("{\"a\":1,\"a\":1}", .duplicateMember(7)), ("'a'", .unexpected(0)),
    ])
    func `an expectation of no strict JSON cannot be made`(_ json: String, _ fault: JSONError) throws {
        let path = try #require(ClaimPath("a"))
        #expect(throws: fault) { try ClaimExpectation(path, json: json) }
    }

    @Test(arguments: [
        ("text", "dev|main", true), ("text", "dev|mai", false), ("text", "ma*", true), ("text", "x*|ma*", true),
        ("text", "*ain", false), ("text", "m*n", false), ("list", "b|a", true), ("list", "b*|2", true),
        ("list", "b*|3", false), ("number", "2|1.0", true), ("digits", "1*", true), ("number", "1*", false),
        ("yes", "tr*", false), ("yes", "false|true", true), ("object", "{*", false), ("missing", "a|b", false),
        ("bar", "auth0|1", true), ("bar", #"auth0\|1"#, true), ("bar", "auth0|2", false), ("bar", #"auth0\|*"#, true),
        ("star", "a*", true), ("star", #"a\*"#, true), ("starless", "a*", true), ("starless", #"a\*"#, false),
        ("back", #"a\b"#, true), ("back", #"a\\b"#, true),
    ])
    func `alternatives and prefixes`(_ path: String, _ text: String, _ isMet: Bool) throws {
        let payload = #"{"bar":"auth0|1","star":"a*","starless":"ab","back":"a\\b","# + Self.payload.dropFirst()
        let octets = Array(payload.utf8)
        var document = JSONDocument()
        try document.parse(octets.span)
        let claim = try #require(ClaimPath(path))
        let expectation = try #require(ClaimExpectation(claim, text: text))
        #expect(expectation.isMet(by: document, octets.span) == isMet)
    }

    @Test(arguments: ["|", "a|", "|a", "a||b", "*", "a|*"])
    func `an alternative that anything would meet cannot be asked for`(_ text: String) throws {
        let claim = try #require(ClaimPath("a"))
        #expect(ClaimExpectation(claim, text: text) == nil)
    }
}
