import Encoding
import Testing

@Suite("Strict JSON, RFC 8259 (A4, A5, A6, A15)")
struct JSONDocumentTests {
    private func parsed(_ text: String, limits: JSONLimits = JSONLimits()) throws -> (JSONDocument, [UInt8]) {
        let bytes = Array(text.utf8)
        var document = JSONDocument(limits: limits)
        try document.parse(bytes)
        return (document, bytes)
    }

    @Test func `shows what a document holds`() throws {
        let text = #" {"a": 1, "b": [true, false, null, -2.5], "c": {"d": "e\n"}, "": ""} "#
        let (document, bytes) = try parsed(text)
        #expect(document.kind(0) == .object)
        #expect(document.count(0) == 4)
        #expect(document.range(0) == 1..<(bytes.count - 1))
        let list = try #require(document.member("b", of: 0, in: bytes))
        #expect(document.kind(list) == .array)
        #expect(document.count(list) == 4)
        #expect(document.children(list).map { document.kind($0) } == [.true, .false, .null, .number])
        #expect(
            document.children(list).map { String(decoding: bytes[document.range($0)], as: UTF8.self) }
                == ["true", "false", "null", "-2.5"])
        let inner = try #require(document.member("c", of: 0, in: bytes))
        let string = try #require(document.member("d", of: inner, in: bytes))
        #expect(document.string(string, in: bytes) == "e\n")
        #expect(!document.isPlain(string))
        #expect(String(decoding: bytes[document.range(string)], as: UTF8.self) == #"e\n"#)
        #expect(document.members(0).map { document.string($0.name, in: bytes) } == ["a", "b", "c", ""])
        #expect(document.member("d", of: 0, in: bytes) == nil)
        #expect(document.member("a", of: list, in: bytes) == nil)
        #expect(document.count(string) == 0)
        #expect(Array(document.children(0)).isEmpty)
        #expect(Array(document.members(list)).isEmpty)
        #expect(Array(document.members(string)).isEmpty)
    }

    @Test(arguments: ["1", "\"a\"", "null", "[]", "{}", " \t\r\n0 "])
    func `takes any value as the root`(_ text: String) throws {
        #expect(try parsed(text).0.range(0).isEmpty == false || text.contains("a"))
    }

    @Test(arguments: [
        ("", JSONError.unterminated), (" ", .unterminated), ("[", .unterminated), ("{\"a\"", .unterminated),
        ("\"a", .unterminated),
        ("[1,", .unterminated), ("{\"a\":", .unterminated), ("tru", .unterminated), ("\"\\", .unterminated),
        ("[1,]", .unexpected(3)), ("{\"a\":1,}", .unexpected(7)), ("[,1]", .unexpected(1)), ("{,}", .unexpected(1)),
        ("[1 2]", .unexpected(3)), ("{\"a\" 1}", .unexpected(5)), ("{a:1}", .unexpected(1)), ("[}", .unexpected(1)),
        ("{]", .unexpected(1)), ("[1}", .unexpected(2)), ("{\"a\":1]", .unexpected(6)), ("]", .unexpected(0)),
        ("'a'", .unexpected(0)), ("NaN", .unexpected(0)), ("trux", .unexpected(3)), ("\"\u{1f}\"", .unexpected(1)),
        ("\"a\u{0}\"", .unexpected(2)), ("1 1", .trailing(2)), ("{}x", .trailing(2)), ("[]]", .trailing(2)),
        ("{} // no", .trailing(3)), ("nullx", .trailing(4)),
        ("01", .badNumber(0)), ("-", .badNumber(0)), ("1.", .badNumber(0)), ("[.5]", .unexpected(1)),
        ("[1e]", .badNumber(1)),
        ("[1e+]", .badNumber(1)), ("+1", .unexpected(0)), ("-01", .badNumber(0)), ("-a", .badNumber(0)),
        ("0x1", .trailing(1)),
        ("\"\\x\"", .badEscape(1)), ("\"\\u12g4\"", .badEscape(1)), ("\"\\U0041\"", .badEscape(1)),
        ("\"\\ud800\"", .loneSurrogate(1)), ("\"\\udc00\"", .loneSurrogate(1)),
        ("\"\\ud800\\u0041\"", .loneSurrogate(1)),
        ("\"\\ud800\\ud800\"", .loneSurrogate(1)), ("\"a\\ud800b\"", .loneSurrogate(2)),
        ("\u{feff}{}", .byteOrderMark),
    ])
    func `refuses what is not JSON, and says where`(_ text: String, _ fault: JSONError) {
        #expect(throws: fault) { try parsed(text) }
    }

    @Test(
        arguments: [
            [0x80], [0xbf], [0xc0, 0x80], [0xc1, 0xbf], [0xc2], [0xc2, 0x41], [0xe0, 0x80, 0x80], [0xe0, 0x9f, 0xbf],
            [0xe1, 0x80],
            [0xed, 0xa0, 0x80], [0xed, 0xbf, 0xbf], [0xf0, 0x80, 0x80, 0x80], [0xf0, 0x8f, 0xbf, 0xbf],
            [0xf4, 0x90, 0x80, 0x80],
            [0xf5, 0x80, 0x80, 0x80], [0xf8, 0x88, 0x80, 0x80, 0x80], [0xfe], [0xff], [0xf1, 0x80, 0x80],
        ] as [[UInt8]])
    func `refuses what is not UTF-8, wherever it stands`(_ octets: [UInt8]) {
        for prefix in 0..<10 {
            let bytes =
                [UInt8(ascii: "\"")] + [UInt8](repeating: 0x61, count: prefix) + octets + Array("b\"         ".utf8)
            var document = JSONDocument()
            #expect(throws: JSONError.notUTF8(prefix + 1)) { try document.parse(bytes) }
        }
    }

    @Test(arguments: [
        "\u{80}", "\u{7ff}", "\u{800}", "\u{d7ff}", "\u{e000}", "\u{ffff}", "\u{10000}", "\u{10ffff}", "\u{7f}",
    ])
    func `takes every scalar as it is, and as an escape`(_ text: String) throws {
        for prefix in ["", "abcdefg", "abcdefgh"] {
            let (document, bytes) = try parsed("\"\(prefix)\(text)\"")
            #expect(document.string(0, in: bytes) == prefix + text)
            #expect(document.isPlain(0))
            let escape = text.utf16.map { unit in
                let hex = String(unit, radix: 16)
                return "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
            }.joined()
            let (escaped, escapedBytes) = try parsed("\"\(prefix)\(escape)\"")
            #expect(escaped.string(0, in: escapedBytes) == prefix + text)
            #expect(!escaped.isPlain(0))
        }
    }

    @Test func `resolves all escapes`() throws {
        let (document, bytes) = try parsed(#""\"\\\/\b\f\n\r\t\u00e9\u0000\uD83D\uDE00""#)
        #expect(document.string(0, in: bytes) == "\"\\/\u{8}\u{c}\n\r\t\u{e9}\u{0}\u{1f600}")
    }

    @Test func `compares strings by value`() throws {
        let (document, bytes) = try parsed(#"["abc", "a\u0062c", 1, ""]"#)
        let nodes = Array(document.children(0))
        func isEqual(_ index: Int, _ text: String) -> Bool {
            let octets = Array(text.utf8)
            return document.isEqual(nodes[index], octets, in: bytes)
        }
        #expect(isEqual(0, "abc") && isEqual(1, "abc") && isEqual(3, ""))
        #expect(!isEqual(0, "abd") && !isEqual(0, "ab") && !isEqual(0, "abcd") && !isEqual(0, ""))
        #expect(
            !isEqual(1, "a\\u0062c") && !isEqual(1, "ab") && !isEqual(1, "abd") && !isEqual(2, "1") && !isEqual(3, "a"))
    }

    @Test func `gives a value back as it is spelled`() throws {
        let (document, bytes) = try parsed(#"["a\n", 1.50, {"b" : []}]"#)
        let texts = document.children(0).map { String(decoding: document.raw($0, in: bytes), as: UTF8.self) }
        #expect(texts == [#""a\n""#, "1.50", #"{"b" : []}"#])
    }

    @Test func `reads as null before a parse and after a failed one`() throws {
        var document = JSONDocument()
        #expect(document.kind(0) == .null)
        let (good, bad) = (Array("[1,2]".utf8), Array("[1,2".utf8))
        try document.parse(good)
        #expect(document.count(0) == 2)
        #expect(throws: JSONError.unterminated) { try document.parse(bad) }
        #expect(document.kind(0) == .null)
        #expect(document.member("a", of: 0, in: bad.span) == nil)
        try document.parse(good)
        #expect(document.count(0) == 2)
    }
}

@Suite("Bounds of JSON documents (A15)")
struct JSONLimitsTests {
    private func parse(_ text: String, _ limits: JSONLimits = JSONLimits()) throws {
        let bytes = Array(text.utf8)
        var document = JSONDocument(limits: limits)
        try document.parse(bytes)
    }

    @Test func `holds to the depth, however deep the attempt`() throws {
        func nested(_ depth: Int) -> String {
            String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        }
        try parse(nested(32))
        #expect(throws: JSONError.tooDeep) { try parse(nested(33)) }
        #expect(throws: JSONError.tooDeep) { try parse(nested(20_000)) }
        #expect(throws: JSONError.tooDeep) { try parse(String(repeating: "{\"a\":", count: 5_000)) }
        try parse(nested(100_000), JSONLimits(depthMax: 100_000, memberMax: 100_000, byteCountMax: 200_000))
    }

    @Test func `holds to the number of values, names included`() throws {
        try parse("[1,2,3]", JSONLimits(memberMax: 4))
        #expect(throws: JSONError.tooManyValues) { try parse("[1,2,3,4]", JSONLimits(memberMax: 4)) }
        try parse(#"{"a":1}"#, JSONLimits(memberMax: 3))
        #expect(throws: JSONError.tooManyValues) { try parse(#"{"a":1}"#, JSONLimits(memberMax: 2)) }
        #expect(throws: JSONError.tooManyValues) { try parse(#"{"a":1,"b":1}"#, JSONLimits(memberMax: 4)) }
    }

    @Test func `holds to the length before it reads`() throws {
        try parse("\"" + String(repeating: "a", count: 65_534) + "\"")
        #expect(throws: JSONError.tooLarge) { try parse("\"" + String(repeating: "a", count: 65_535) + "\"") }
    }
}
