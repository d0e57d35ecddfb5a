import Foundation
import OpenSSL
import TestForm
import Testing

@testable import Accounts

@Suite("A list of breached passwords")
struct BreachedPasswordsTests {
    let scratch: Scratch

    init() throws { scratch = try Scratch() }

    private func hash(_ password: String) throws -> String {
        let bytes = Array(password.utf8)
        return try SHA1.digest(bytes.span).map { String(format: "%02X", $0) }.joined()
    }

    private func list(_ text: String) throws -> BreachedPasswords {
        let path = scratch["breached.txt"]
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
        return BreachedPasswords(path: path)
    }

    private func fault(_ text: String) throws -> AccountsError? {
        let list = try list(text)
        return #expect(throws: AccountsError.self) { try list.check() }
    }

    private func line(_ fault: AccountsError?) -> Int? {
        if case .breachedList(_, let line, _) = fault { line } else { nil }
    }

    @Test func `finds each of its passwords and no other one, with counts of any length`() throws {
        let words = (0..<TestForm.pick(quick: 2_000, normal: 20_000)).map { "word \($0)" }
        let lines = try words.enumerated().map { try hash($1) + ($0 % 3 == 0 ? "" : ":\($0 * $0 * $0)") }.sorted()
        let list = try list(lines.joined(separator: "\n") + "\n")
        try list.check()
        let triedCount = words.count / 10
        for word in words.prefix(triedCount) { #expect(try list.contains(Array(word.utf8)), "\(word)") }
        for number in 0..<triedCount { #expect(try !list.contains(Array("other \(number)".utf8))) }
        // The ends of the file, where a bisection errs first.
        let first = try #require(try words.first { try lines[0].hasPrefix(hash($0)) })
        let last = try #require(try words.first { try lines[words.count - 1].hasPrefix(hash($0)) })
        #expect(try list.contains(Array(first.utf8)) && list.contains(Array(last.utf8)))
    }

    @Test func `one line, no line feed at the end, lower case`() throws {
        let one = try list(hash("password").lowercased())
        try one.check()
        #expect(try one.contains(Array("password".utf8)) && !one.contains(Array("Password".utf8)))
        let counted = try list(hash("password") + ":12345678901234567890")
        try counted.check()
        #expect(try counted.contains(Array("password".utf8)))
    }

    @Test(arguments: [
        "", "\n", "password\n", String(repeating: "A", count: 39) + "\n", String(repeating: "A", count: 41) + "\n",
        String(repeating: "G", count: 40) + "\n", String(repeating: "A", count: 40) + ":\n",
        String(repeating: "A", count: 40) + ":1x\n", String(repeating: "A", count: 40) + ":123456789012345678901\n",
        String(repeating: "A", count: 40) + " 1\n", String(repeating: "A", count: 40) + "\r\n",
        String(repeating: "A", count: 100_000), "\u{FEFF}" + String(repeating: "A", count: 40) + "\n",
    ])
    func `a malformed line is an error in line 1, for the check and for a search`(_ text: String) throws {
        #expect(line(try fault(text)) == 1)
        let list = try list(text)
        let found = #expect(throws: AccountsError.self) { try list.contains([0x61]) }
        #expect(line(found) == 1)
    }

    @Test func `an error names its line, whatever is wrong with it`() throws {
        let lines = try (0..<5_000).map { try hash("\($0)") }.sorted()
        func text(_ number: Int, _ line: String) -> String {
            var changed = lines
            changed[number - 1] = line
            return changed.joined(separator: "\n") + "\n"
        }
        for number in [2, 1_000, 4_999, 5_000] {
            #expect(line(try fault(text(number, lines[number - 1] + "\r"))) == number)
            #expect(line(try fault(text(number, lines[number - 1] + ":"))) == number)
            #expect(line(try fault(text(number, String(repeating: "0", count: 40)))) == number)
        }
        let unsorted = try fault(text(3_000, lines[100]))
        #expect(line(unsorted) == 3_000 && "\(unsorted, default: "")".contains("LC_ALL=C sort"))
        #expect("\(try fault(text(7, lines[6] + "\r")), default: "")".contains("carriage return"))
    }

    @Test func `a large file is checked at 256 places`() throws {
        let lines = (0..<60_000).map { String(format: "%040X", $0) }
        try list(lines.joined(separator: "\n") + "\n").check()
        #expect(try fault(lines.reversed().joined(separator: "\n")) != nil)
        var swapped = Array(lines[30_000...])
        swapped += lines[..<30_000]
        #expect((30_001...30_400).contains(line(try fault(swapped.joined(separator: "\n"))) ?? 0))
        #expect(line(try fault(lines.joined(separator: "\r\n"))) == 1)
    }

    @Test func `what is no file is an error`() throws {
        #expect(throws: AccountsError.self) { try BreachedPasswords(path: scratch["none"]).check() }
        #expect(throws: AccountsError.self) { try BreachedPasswords(path: scratch["none"]).contains([0x61]) }
        #expect(throws: AccountsError.self) { try BreachedPasswords(path: scratch.path).check() }
        #expect(mkfifo(scratch["fifo"], 0o600) == 0)
        #expect(throws: AccountsError.self) { try BreachedPasswords(path: scratch["fifo"]).check() }
    }
}
