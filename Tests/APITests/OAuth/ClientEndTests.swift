import API
import Accounts
import Glibc
import Service
import Testing

@Suite("What belongs to a client that is disabled or removed")
struct ClientEndTests {
    private let world: World

    init() throws { world = try World() }

    /// Whether everything up to the number is durable soon.
    private func records(_ sequence: UInt64) -> Bool {
        for _ in 0..<2_000 where world.authState.revocations.sequence < sequence { usleep(5_000) }
        return world.authState.revocations.sequence == sequence
    }

    private var clients: ClientDirectory { world.authState.clients.current }

    @Test(arguments: ["disable", "remove"])
    func `ends for good, with a record that readers of the feed get`(_ change: String) throws {
        let (mine, other) = (world.pair(of: "shop"), world.pair())
        let before = clients
        let sequence = world.authState.revocations.sequence
        world.authState.apply(
            change == "disable" ? try before.changing("shop") { $0.isDisabled = true } : try before.removing("shop"))
        #expect(records(sequence + 1))
        #expect(world.verify(mine.access).code == "client_revoked" && world.verify(other.access).status == 200)
        world.authState.apply(before)
        #expect(world.verify(mine.access).code == "client_revoked")
        #expect(world.verify(world.pair(of: "shop").access).status == 200)
    }

    @Test func `ends with the permission to open sessions for its own users`() throws {
        let opener = try clients.changing("shop") { client in
            client.grants = [Client.session]
            client.opensForAnyUser = true
        }
        world.authState.apply(opener)
        let session = world.pair(of: "shop")
        #expect(world.verify(session.access).status == 200)
        world.authState.apply(try opener.changing("shop") { $0.opensForAnyUser = false })
        #expect(world.verify(session.access).code == "client_revoked")
    }

    @Test func `stays as it is after any other change`() throws {
        let session = world.pair(of: "shop")
        let sequence = world.authState.revocations.sequence
        world.authState.apply(try clients.changing("shop") { $0.name = "Shop" })
        world.authState.apply(try clients.removing("old"))
        #expect(world.verify(session.access).status == 200)
        #expect(world.authState.revocations.sequence == sequence)
    }

    @Test func `is recorded at the start if no process saw the change`() throws {
        let sequence = world.authState.revocations.sequence
        world.authState.endDisabledClients()
        #expect(records(sequence + 1))
    }
}
