import Testing

@testable import martlet

@Suite("Command lines")
struct ArgumentsTests {
    private static let options: [Arguments.Option] = [
        .flag("--json"), .value("--users"), .list("--role"), .list("--scope"),
    ]

    private func parse(_ words: [String], operands: [String] = ["NAME"]) throws(ArgumentsError) -> Arguments {
        try Arguments(words, options: Self.options, operands: operands)
    }

    @Test func `options may stand anywhere, with their value in the next word or after an equals sign`() throws {
        let arguments = try parse(["--role", "a", "alice", "--role=b=c", "--json", "--users=", "--role", "-x"])
        #expect(arguments.operands == ["alice"])
        #expect(arguments.values("--role") == ["a", "b=c", "-x"])
        #expect(arguments.value("--users")?.isEmpty == true)
        #expect(arguments.has("--json") && arguments.has("--users") && !arguments.has("--scope"))
        #expect(arguments.values("--scope").isEmpty && arguments.value("--scope") == nil)
    }

    @Test(arguments: [
        "-Sy-UXfpf6uM4MIAMYkh4uwAbCdEfGhIjKlMnOpQrS", "--y-UXfpf6uM4MIAMYkh4uwAbCdEfGhIjKlMnOpQrS",
        "-gWqyZ0-7k3pX5m_tUvA2w",
    ])
    func `a key's id may begin with hyphens`(_ kid: String) throws {
        #expect(try parse(["--json", kid], operands: ["KID"]).operands == [kid])
        #expect(throws: ArgumentsError.optionUnknown(kid, nearest: nil)) { try parse([kid], operands: []) }
        #expect(throws: ArgumentsError.optionUnknown(kid, nearest: nil)) { try parse([kid], operands: ["NAME"]) }
    }

    @Test func `after two dashes everything is an operand`() throws {
        #expect(try parse(["--json", "--", "--role"]).operands == ["--role"])
        #expect(try parse(["-"]).operands == ["-"])
        #expect(try parse(["--", "--"]).operands == ["--"])
    }

    @Test(arguments: [
        (["alice", "--rol", "x"], ArgumentsError.optionUnknown("--rol", nearest: "--role")),
        (["alice", "--user=x"], .optionUnknown("--user", nearest: "--users")),
        (["alice", "--jsno"], .optionUnknown("--jsno", nearest: "--json")),
        (["alice", "--hlep"], .optionUnknown("--hlep", nearest: "--help")),
        (["alice", "--frobnicate"], .optionUnknown("--frobnicate", nearest: nil)),
        (["alice", "--Role", "x"], .optionUnknown("--Role", nearest: "--role")),
        (["alice", "-j"], .optionUnknown("-j", nearest: nil)),
        (["alice", "--role"], .valueMissing("--role")),
        (["alice", "--role", "--json"], .valueMissing("--role")),
        (["alice", "--json=true"], .valueUnexpected("--json")),
        (["alice", "--json", "--json"], .optionRepeated("--json")),
        (["alice", "--users", "a", "--users=b"], .optionRepeated("--users")),
        ([], .operandMissing("NAME")),
        (["--json"], .operandMissing("NAME")),
        (["alice", "bob"], .operandUnexpected("bob")),
        (["alice", "--help", "--frobnicate"], .helpWanted),
        (["-h"], .helpWanted),
    ])
    func `refuses what it does not know, and says what was probably meant`(_ words: [String], _ fault: ArgumentsError) {
        #expect(throws: fault) { try parse(words) }
    }

    @Test(arguments: [
        (ArgumentsError.optionUnknown("--frobnicate", nearest: nil), "unknown option --frobnicate"),
        (.optionUnknown("--rol", nearest: "--role"), "unknown option --rol; did you mean --role?"),
        (.optionRepeated("--json"), "--json is given twice"),
        (.valueMissing("--role"), "--role needs a value"),
        (.valueUnexpected("--json"), "--json takes no value"),
        (.operandMissing("NAME"), "NAME is missing"),
        (.operandUnexpected("bob"), "unexpected argument bob"),
    ])
    func `says what is wrong in words`(_ fault: ArgumentsError, _ text: String) {
        #expect("\(fault)" == text)
    }

    @Test func `a very long word is refused like any other`() {
        let word = "--" + String(repeating: "x", count: 100_000)
        #expect(throws: ArgumentsError.optionUnknown(word, nearest: nil)) { try parse([word]) }
    }
}
