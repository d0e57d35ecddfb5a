import API
import Foundation
import Pages
import Testing

@Suite("More cookies than are read")
struct TooManyCookiesTests {
    let world: World
    let jar: Jar
    private static let many = (0..<128).map { "c\($0)=1" }
    private static let large = (0..<5).map { "c\($0)=\(String(repeating: "x", count: 3_900))" }

    init() throws {
        world = try World()
        jar = world.jar()
    }

    @Test(arguments: [many, large])
    func `the answer says so, and neither ends a session nor clears a cookie`(_ others: [String]) {
        for (ask, status, code) in [
            (Ask("GET", "/session").sameOrigin, 401, "token_malformed"),
            (Ask("POST", "/logout").sameOrigin, 401, "token_malformed"),
            (Ask("POST", "/refresh").sameOrigin, 400, "request_malformed"),
            (World.cookieLogin(), 400, "request_malformed"),
        ] {
            let answer = world.send(ask.cookies(others + jar.atRefresh))
            #expect(answer.status == status && answer.code == code)
            #expect(answer.string("detail")?.contains("more than 128 cookies") == true && Jar(answer).lines.isEmpty)
        }
        let auth = world.send(Ask("GET", "/auth?via=request").sameOrigin.cookies(others + jar.atRoot))
        #expect(auth.status == 401 && auth.string("detail")?.contains("more than 128 cookies") == true)
        #expect(world.send(Ask("POST", "/refresh").sameOrigin.cookies(jar.atRefresh)).status == 200)
    }

    @Test func `a page says so in its own words`() {
        for ask in [World.page("/signin"), World.page("/account"), World.form("/signout", [:])] {
            let answer = world.send(ask.cookies(Self.many + jar.atRoot))
            #expect(answer.status == 400 && answer.isPage && Jar(answer).lines.isEmpty)
            #expect(answer.alert == PageTexts.english[.cookiesTooMany])
        }
        #expect(world.send(Ask("GET", "/session").sameOrigin.cookies(jar.atRoot)).status == 200)
    }
}
