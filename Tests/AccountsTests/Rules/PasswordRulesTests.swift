import Foundation
import Testing

@testable import Accounts

@Suite("Rules for new passwords")
struct PasswordRulesTests {
    @Test(arguments: [
        ("a", [PasswordViolation.tooShort]), ("", [.tooShort]), ("1234567", [.tooShort]), ("12345678", []),
        // Seven code points in eight bytes, and eight code points.
        ("\u{E9}234567", [.tooShort]), ("\u{E9}2345678", []), ("e\u{301}234567", []),
        (String(repeating: "x", count: 1_024), []), (String(repeating: "x", count: 1_025), [.tooLong]),
        (String(repeating: "\u{E9}", count: 513), [.tooLong]),
        ("Alice \u{C9}", [.tooShort, .userName]), ("ALICE \u{E9}", [.tooShort, .userName]), ("alice e\u{301}1", []),
    ])
    func `a password has a length and is not the name`(_ password: String, _ expected: [PasswordViolation]) throws {
        let rules = PasswordRules(characterCountMin: 8)
        #expect(try rules.violations(of: Array(password.utf8), for: "alice \u{E9}") == expected)
    }

    @Test func `the current password is no new one`() throws {
        let rules = PasswordRules(characterCountMin: 6)
        #expect(
            try rules.violations(of: Array("secret".utf8), for: "x", replacing: Array("secret".utf8)) == [.unchanged])
        #expect(try rules.violations(of: Array("secret".utf8), for: "x", replacing: Array("Secret".utf8)).isEmpty)
    }

    @Test func `the minimum is a setting, and a password is text`() throws {
        let rules = PasswordRules(characterCountMin: 15)
        #expect(try rules.violations(of: Array("14 characters.".utf8), for: "x") == [.tooShort])
        #expect(try rules.violations(of: Array("15 characters..".utf8), for: "x").isEmpty)
        #expect(try rules.violations(of: [UInt8](repeating: 0xFF, count: 15), for: "x") == [.notUTF8])
    }

    @Test func `a breached password breaks a rule, and an unreadable list is an error`() throws {
        let scratch = try Scratch()
        let path = scratch["breached.txt"]
        // The SHA-1 of "password".
        try Data("5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8:9\n".utf8).write(to: URL(fileURLWithPath: path))
        let rules = PasswordRules(characterCountMin: 8, breached: BreachedPasswords(path: path))
        #expect(try rules.violations(of: Array("password".utf8), for: "PassWord") == [.userName, .breached])
        #expect(try rules.violations(of: Array("Password".utf8), for: "x").isEmpty)
        try rules.check()
        let missing = PasswordRules(characterCountMin: 8, breached: BreachedPasswords(path: scratch["none"]))
        #expect(throws: AccountsError.self) { try missing.violations(of: Array("password".utf8), for: "x") }
        #expect(throws: AccountsError.self) { try missing.check() }
    }
}
