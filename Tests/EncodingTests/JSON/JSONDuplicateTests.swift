import Encoding
import Testing

@Suite("Duplicate member names (A5, A6, E3, L12)")
struct JSONDuplicateTests {
    private func parse(_ text: String) throws {
        let bytes = Array(text.utf8)
        var document = JSONDocument()
        try document.parse(bytes)
    }

    @Test(arguments: [
        (#"{"a":1,"a":1}"#, 7), (#"{"a":1,"\u0061":2}"#, 7), (#"{"\u0061":1,"a":2}"#, 12), (#"{"a\/":1,"a/":2}"#, 9),
        (#"{"":1,"":2}"#, 6), (#"{"exp":1,"b":2,"exp":3}"#, 15), (#"{"a":{"b":1,"b":1}}"#, 12),
        (#"[{"a":1,"a":1}]"#, 8),
        (#"{"abcdefgh":1,"abcdefgh":2}"#, 14), (#"{"abcdefghijklmnopqrst":1,"abcdefghijklmnopqrs\u0074":2}"#, 26),
        (#"{"é":1,"\u00e9":2}"#, 8), (#"{"a":{"x":1},"b":[{"x":1}],"a":0}"#, 27),
    ])
    func `are refused, however they are escaped`(_ text: String, _ offset: Int) {
        #expect(throws: JSONError.duplicateMember(offset)) { try parse(text) }
    }

    @Test(arguments: [
        #"{"a":1,"A":1}"#, #"{"a":{"a":{"a":1}}}"#, #"[{"a":1},{"a":1}]"#,
        #"{"abcdefgh1abcdefgh":1,"abcdefgh2abcdefgh":1}"#,
        #"{"a":1,"a\u0000":1}"#, #"{"\u00e9":1,"e\u0301":1}"#, #"{"a":{"b":1},"b":2}"#,
    ])
    func `are not seen where names differ`(_ text: String) throws {
        try parse(text)
    }

    @Test(arguments: [2, 15, 16, 17, 18, 40, 800])
    func `are found at every place of small and large objects`(_ count: Int) throws {
        var members = (0..<count).map { "\"name-\($0)\":[{\"x\":\($0)}]" }
        try parse("{" + members.joined(separator: ",") + "}")
        for place in Set([0, 1, count / 2, count - 1]) {
            // The same name with its last digit escaped.
            members.append("\"name-\(String(place).dropLast())\\u003\(place % 10)\":0")
            let text = "{" + members.joined(separator: ",") + "}"
            let offset = text.utf8.count - members[count].utf8.count - 1
            #expect(throws: JSONError.duplicateMember(offset)) { try parse(text) }
            members.removeLast()
        }
    }

    @Test func `are told from names that only hash alike`() throws {
        // The middle of a long name does not count in the hash, so all of these share one.
        let names = (0..<600).map { "abcdefgh\($0 + 1_000)ijklmnop" }
        try parse("{" + names.map { "\"\($0)\":1" }.joined(separator: ",") + "}")
        try parse("{" + names.prefix(16).map { "\"\($0)\":1" }.joined(separator: ",") + "}")
        for count in [3, 16, 600] {
            let repeated = names.prefix(count) + [names[count / 2]]
            let text = "{" + repeated.map { "\"\($0)\":1" }.joined(separator: ",") + "}"
            let offset = text.utf8.count - names[count / 2].utf8.count - "\"\":1}".utf8.count
            #expect(throws: JSONError.duplicateMember(offset)) { try parse(text) }
        }
    }

    @Test func `a name is found however it is escaped`() throws {
        let bytes = Array(#"{"a":1,"\u0062":2}"#.utf8)
        var document = JSONDocument()
        try document.parse(bytes)
        let node = try #require(document.member("b", of: 0, in: bytes))
        #expect(document.integer(node, in: bytes) == 2)
    }
}
