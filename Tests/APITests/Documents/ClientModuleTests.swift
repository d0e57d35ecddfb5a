import API
import Testing

@Suite("GET /martlet.js")
struct ClientModuleAnswerTests {
    @Test func `is a script that caches keep only if they ask each time`() throws {
        let world = try World()
        let answer = world.send(Ask("GET", "/martlet.js"))
        #expect(answer.status == 200 && answer.text == ClientModule.text)
        #expect(answer["content-type"] == "text/javascript; charset=utf-8" && answer["cache-control"] == "no-cache")
        #expect(answer["access-control-allow-origin"] == "*")
        let tag = try #require(answer["etag"])
        #expect(tag.wholeMatch(of: /"[\x21\x23-\x7e]+"/) != nil)
        let again = world.send(Ask("GET", "/martlet.js").with("If-None-Match", tag))
        #expect(again.status == 304 && again.body.isEmpty && again["etag"] == tag)
        #expect(again["cache-control"] == "no-cache")
        #expect(world.send(Ask("GET", "/martlet.js").with("If-None-Match", "\"x\"")).status == 200)
        #expect(world.send(Ask("HEAD", "/martlet.js"))["etag"] == tag)
        #expect(world.send(Ask("POST", "/martlet.js")).code == "method_not_allowed")
    }

    @Test func `is not there without browser mode`() throws {
        #expect(try World(browser: nil).send(Ask("GET", "/martlet.js")).code == "not_found")
    }
}
