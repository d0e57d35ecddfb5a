import Testing

@Suite("max_age")
struct MaxAgeTests {
    let world: World

    init() throws {
        world = try World()
    }

    @Test func `counts from the login, not from the newest access token`() {
        let first = world.pair()
        world.clock.advance(100)
        let renewed = World.Pair(world.refresh(first.refresh)).access
        #expect(world.send(Ask("GET", "/verify?max_age=100").bearer(renewed)).status == 200)
        let answer = world.send(Ask("GET", "/verify?max_age=99").bearer(renewed))
        #expect(answer.status == 401 && answer.code == "auth_too_old")
    }
}
