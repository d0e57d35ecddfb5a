@testable import Accounts
import Encoding
import Foundation
import Platform
import Testing

@Suite("Edits of account files beside other programs")
struct AccountEditTests {
    let scratch: Scratch

    init() throws { scratch = try Scratch() }

    private var path: String { scratch["users.json"] }

    private func user(_ name: String, _ low: UInt64, claims: String = "{}") -> User {
        User(id: UUID(high: 7, low: low), name: name, passwordHash: "!", claims: Array(claims.utf8))
    }

    private func rename(_ directory: UserDirectory) throws {
        try AtomicFile.replace(scratch["other"], with: directory.serialized())
        try #require(Foundation.rename(scratch["other"], path) == 0)
    }

    @Test func `an edit that comes between reading and renaming is kept, and ours is made again`() throws {
        try UserDirectory.edit(path) { (users) throws(AccountsError) in try users.adding(user("ana", 1)) }
        let disabled = try UserDirectory.load(path).changing("ana") { $0.isDisabled = true }
        var calls = 0
        var failure: (any Error)?
        try UserDirectory.edit(path) { (users) throws(AccountsError) in
            calls += 1
            if calls == 1 {
                do { try rename(disabled) } catch { failure = error }
            }
            return try users.settingPasswordHash("$new", of: "ana")
        }
        #expect(failure == nil && calls == 2)
        let ana = try #require(try UserDirectory.load(path).user(named: "ana"))
        #expect(ana.isDisabled && ana.passwordHash == "$new")
        #expect(scratch.names.filter { $0.hasSuffix(".tmp") }.isEmpty)
    }

    @Test func `a file that changes each time is left as the other program wrote it`() throws {
        var other = try UserDirectory().adding(user("ana", 1))
        try rename(other)
        var count: UInt64 = 1
        #expect(throws: AccountsError.file(.changed(path: path))) {
            try UserDirectory.edit(path) { (users) throws(AccountsError) in
                count += 1
                other = try other.adding(user("u\(count)", count))
                do { try rename(other) } catch { throw .missing(kind: "\(error)", name: "") }
                return try users.settingPasswordHash("$new", of: "ana")
            }
        }
        #expect(count > 2)
        let found = try UserDirectory.load(path)
        #expect(found.users.count == Int(count) && found.user(named: "ana")?.passwordHash == "!")
    }

    @Test func `what was read before is used only while the file is the same`() throws {
        try rename(UserDirectory().adding(user("ana", 1)))
        let known = try UserDirectory.loadStamped(path)
        try UserDirectory.edit(path, known: known) { (users) throws(AccountsError) in
            #expect(users === known.table)
            return try users.adding(user("bea", 2))
        }
        try UserDirectory.edit(path, known: known) { (users) throws(AccountsError) in
            #expect(users !== known.table)
            return try users.adding(user("cid", 3))
        }
        #expect(try UserDirectory.load(path).users.map(\.name) == ["ana", "bea", "cid"])
    }

    @Test func `a file that is away for a moment is not begun anew`() throws {
        try rename(UserDirectory().adding(user("ana", 1)))
        let known = try UserDirectory.loadStamped(path)
        try #require(Foundation.rename(path, scratch["away"]) == 0)
        #expect(throws: AccountsError.file(.system(call: "open", path: path, code: ENOENT))) {
            try UserDirectory.edit(path, known: known) { (users) throws(AccountsError) in
                try users.adding(user("bea", 2))
            }
        }
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    @Test func `no file is written that the service would not read`() throws {
        var limits = TableLimits()
        limits.byteCountMax = 300
        try UserDirectory.edit(path, limits: limits) { (users) throws(AccountsError) in
            try users.adding(user("ana", 1))
        }
        let before = try AtomicFile.read(path, byteCountMax: 10_000)
        #expect(throws: AccountsError.file(.tooLarge(path: path, byteCountMax: 300))) {
            try UserDirectory.edit(path, limits: limits) { (users) throws(AccountsError) in
                try users.adding(user("bea", 2))
            }
        }
        limits = TableLimits()
        limits.valueCountMax = 60
        let many = "{\"a\":[\((0..<50).map { "\($0)" }.joined(separator: ","))]}"
        #expect(throws: AccountsError.tooManyValues(path: path, countMax: 60)) {
            try UserDirectory.edit(path, limits: limits) { (users) throws(AccountsError) in
                try users.adding(user("bea", 2, claims: many))
            }
        }
        #expect(try AtomicFile.read(path, byteCountMax: 10_000) == before)
        limits.valueCountMax = 200
        try UserDirectory.edit(path, limits: limits) { (users) throws(AccountsError) in
            try users.adding(user("bea", 2, claims: many))
        }
        let written = try AtomicFile.read(path, byteCountMax: 10_000)
        #expect(try UserDirectory(parsing: written, path: path).users.count == 2)
    }

    @Test func `the bound of a table's values is never below what a reader counts`() throws {
        var directory = UserDirectory()
        for (index, claims) in ["{}", #"{"a":[1,2,3]}"#, #"{"a":1,"b":{"c":[[]]},"d":"e"}"#].enumerated() {
            var user = user("u\(index)", UInt64(index), claims: claims)
            user.roles = ["a", "b"]
            user.scopes = ["c"]
            directory = try directory.adding(user)
        }
        let bytes = directory.serialized()
        var limits = TableLimits()
        limits.valueCountMax = directory.valueCountBound
        #expect(throws: Never.self) { try TableReader(parsing: bytes, path: "", limits: limits) }
    }

    @Test func `rows that repeat their lists and claims are read as they are`() throws {
        let rows = (0..<4).map { index in
            let id = UUID(high: 7, low: UInt64(index))
            return """
                {"id": "\(id)", "username": "u\(index)", "password": "!", "roles": ["r\(index / 2)"],
                 "scopes": ["s"], "claims": {"n": \(index / 2)}}
                """
        }
        let text = "{\"users\": [\(rows.joined(separator: ","))]}"
        let users = try UserDirectory(parsing: Array(text.utf8), path: "").users
        #expect(users.map(\.roles) == [["r0"], ["r0"], ["r1"], ["r1"]] && users.allSatisfy { $0.scopes == ["s"] })
        #expect(users.map { String(decoding: $0.claims, as: UTF8.self) } == [0, 0, 1, 1].map { "{\"n\": \($0)}" })
    }
}
