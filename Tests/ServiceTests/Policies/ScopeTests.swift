import Accounts
import Encoding
@testable import Service
import Synchronization
import Testing

@Suite("Scope, RFC 6749 3.3")
struct ScopeTests {
    @Test(arguments: ["read", "read write", "!#$%&'()*+,-./:;<=>?@[]^_`{|}~", "a b c d"])
    func `takes words of scope tokens, one space apart`(_ text: String) throws {
        let scope = try #require(Scope(text))
        #expect(scope.text == text && scope.names == text.split(separator: " ").map(String.init))
    }

    @Test(arguments: ["", " ", " a", "a ", "a  b", "a\tb", "a\"b", "a\\b", "é", "a\u{0}", "a\nb", "\u{7f}"])
    func `takes nothing else`(_ text: String) {
        #expect(Scope(text) == nil)
    }

    @Test func `is a set: a repeated word counts once, and order is chosen by the grant`() throws {
        #expect(Scope("b a b a")?.names == ["b", "a"] && Scope(names: ["a", "a"]).names == ["a"])
        let granted = Scope(names: ["c", "a", "b"])
        #expect(try #require(Scope("b c")).ordered(like: granted).names == ["c", "b"])
        #expect(try #require(Scope("z b y")).ordered(like: granted).names == ["b", "y", "z"])
    }

    @Test(arguments: [1, 2, 15, 16, 17, 40])
    func `is a set, however many names it has`(_ count: Int) throws {
        let names = (0..<count).map { "scope\($0)" }
        let text = names.joined(separator: " ")
        let scope = try #require(Scope(text))
        #expect(scope.names == names && scope.text == text && scope == Scope(names: names))
        let twice = try #require(Scope(text + " scope0"))
        #expect(twice.names == names && twice.text == text)
        #expect(Scope(names: names + names) == scope)
        #expect(scope.filter { _ in true } == scope)
        #expect(scope.filter { $0 != "scope0" }.names == Array(names.dropFirst()))
        #expect(scope.filter { _ in false }.text.isEmpty)
        #expect(scope.isWithin(Scope(names: names.reversed())) && !scope.isWithin(scope.filter { $0 != "scope0" }))
        #expect(Scope(names: names.reversed()).ordered(like: scope) == scope)
    }

    @Test func `is bounded`() {
        #expect(Scope(String(repeating: "a", count: Scope.byteCountMax)) != nil)
        #expect(Scope(String(repeating: "a", count: Scope.byteCountMax + 1)) == nil)
    }

    @Test func `never widens (G8)`() {
        let (some, all) = (Scope(names: ["b", "a"]), Scope(names: ["a", "b", "c"]))
        #expect(some.isWithin(all) && !all.isWithin(some) && all.isWithin(all))
        #expect(Scope(names: []).isWithin(some) && !some.isWithin(Scope(names: [])))
    }
}

@Suite("What accounts allow")
struct AccountRulesTests {
    @Test func `a client without a list may all, one with a list may what it lists`() {
        let free = Client(id: "a", secretHashes: [])
        #expect(free.mayUse(audience: "x") && free.mayUse(scope: "x"))
        let bound = Client(id: "a", secretHashes: [], audiences: ["api"], scopes: ["read"])
        #expect(bound.mayUse(audience: "api") && !bound.mayUse(audience: "x"))
        #expect(bound.mayUse(scope: "read") && !bound.mayUse(scope: "x"))
    }

    @Test func `a session stands from the moment the account allows, while it is enabled (G13, G14)`() {
        let sid = UUID(high: 1_000 << 16 | 0x7000, low: 1)
        var user = User(id: sid, name: "a", passwordHash: "!", sessionsFrom: 1_000)
        #expect(user.standing.admits(session: sid))
        user.sessionsFrom = 1_001
        #expect(!user.standing.admits(session: sid))
        user.sessionsFrom = 0
        user.isDisabled = true
        #expect(!user.standing.admits(session: sid))
    }

    @Test(arguments: [
        ("{}", "{}"), ("{\"a\":\"x\"}", "{\"a\":\"x\"}"), ("{\"a\":1.50,\"z\":2}", "{\"a\":1.50}"), ("{\"z\":1}", "{}"),
        ("{\"a\":\"q\\\"\\u00e9\\n\"}", "{\"a\":\"q\\\"é\\n\"}"),
        ("{\"b\":{\"c\":[true,null]},\"a\":\"\"}", "{\"b\":{\"c\":[true,null]},\"a\":\"\"}"),
        ("[]", "{}"), ("not json", "{}"),
    ])
    func `of a user's claims, tokens carry those that the settings name, as they are`(
        _ claims: String, _ carried: String
    ) {
        let user = User(id: UUID(high: 1, low: 1), name: "a", passwordHash: "!", claims: Array(claims.utf8))
        #expect(String(decoding: user.claims(within: ["a", "b"]), as: UTF8.self) == carried)
        #expect(String(decoding: user.claims(within: []), as: UTF8.self) == "{}")
    }
}

@Suite("Published values")
struct PublishedTests {
    @Test func `a follower takes the newest, and says when it changed`() {
        let published = Published("a")
        let follower = Follower(published)
        #expect(!follower.follow() && follower.value == "a")
        published.replace(with: "b")
        published.replace(with: "c")
        #expect(follower.value == "a" && follower.follow() && follower.value == "c" && !follower.follow())
        #expect(published.current == "c")
    }
}
