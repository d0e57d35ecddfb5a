import Encoding
@testable import Revocation
@testable import Store
import StoreTestSupport
import Testing

@Suite("Cleaning of an engine")
struct CleaningTests {
    @Test func `what has expired goes a piece at a time, and steps come in between`() throws {
        let clock = TestClock()
        let world = ModelWorld(clock.clock)
        let node = TestNode("a", world, clock)
        try node.start()
        let sessions = try (0..<4).map { _ in try #require(node.login()) }
        world.pieces = 4
        node.step()
        #expect(world.pieces == 4, "it is not due yet")
        clock.pass(StoreWriter.cleaningPause)
        for (left, sid) in zip([3, 2, 1, 0], sessions) {
            let before = world.commitCount
            let request = RotationRequest(
                sid: sid, generation: 0, request: 1, sessionEnd: clock.wall.adding(milliseconds: 1_000_000))
            node.store.rotate(request, subject: [1], client: [2], kid: [3]) { _ in }
            node.step()
            #expect((world.pieces, world.commitCount) == (left, before + 1))
        }
        world.pieces = 2
        node.step()
        #expect(world.pieces == 2, "it is done until the next time")
    }
}
