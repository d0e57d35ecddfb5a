import Encoding
import Platform
@testable import Revocation
@testable import Store

/// Random steps of several nodes over one engine, and what must come out whichever node was asked.
package final class NodesRun {
    private struct Client {
        let sid: UUID
        let birth: UInt64
        let subject: Int
        /// The token that the client has.
        var generation: UInt32 = 0
        var isEnded = false
        /// Whether a thief used an old token, so that the session may end.
        var isStolen = false
    }

    package let clock: TestClock
    private let nodes: [TestNode]
    private let world: ModelWorld?
    /// Whether a failover may come before some nodes have heard of what it loses. The engine then says of no record that
    /// all replicas have it.
    private let isUnheard: Bool
    private var random: SplitMix
    private var clients: [Client] = []
    private var steps = 0
    package private(set) var complaints: [String] = []
    package private(set) var counts: [String: Int] = [:]
    /// Sessions of which a node has acknowledged the end.
    private var ended: Set<UUID> = []

    /// - Parameter world: lets faults happen; nil for an engine that has none.
    package init(
        _ engines: any StoreEngineSource, _ clock: TestClock, world: ModelWorld?, seed: UInt64, count: Int = 3,
        isMemoryFirst: Bool = false, change: @escaping (inout StoreOptions) -> Void = { _ in }
    ) throws {
        self.clock = clock
        self.world = world
        random = SplitMix(state: seed)
        isUnheard = seed % 2 == 1
        if isUnheard { world?.change { $0.reportsSafeSeq = false } }
        nodes = (0..<count).map { TestNode("node\($0)", engines, clock, skew: Int64($0) * 900 - 900) }
        for node in nodes {
            node.isMemoryFirst = isMemoryFirst
            node.change = change
            try node.start()
        }
    }

    package func run(_ count: Int) throws {
        for _ in 0..<count {
            steps += 1
            try step()
            if complaints.count > 10 { return }
        }
        settle()
        compare()
    }

    private var node: TestNode { nodes[Int(steps &* 7 &+ random.peek) % nodes.count] }

    private func step() throws {
        switch random.below(100) {
        case 0..<12: login()
        case 12..<55: rotate()
        case 55..<63: revoke()
        case 63..<66: cut()
        case 66..<70: steal()
        case 70..<82: clock.pass(Int64(random.below(400)))
        case 82..<92: nodes[random.below(nodes.count)].step()
        case 92..<94: settle(); compare()
        case 94..<96: try restart()
        default: fault()
        }
    }

    private func fault() {
        guard let world else { return }
        switch random.below(8) {
        case 0, 1: world.fail(.lostAfter)
        case 2, 3: world.fail(.lostBefore)
        case 4: world.breakConnections()
        case 5: world.restart()
        case 6:
            // A replica lacks what came last. The node that answered has it, and others may not have heard of it.
            if !isUnheard || random.below(3) == 0 { settle() }
            for node in nodes where random.below(3) == 0 { node.step() }
            world.failOver(losing: random.below(6))
        default:
            settle()
            world.empty()
        }
        count("fault")
        settle()
    }

    private func restart() throws {
        let node = nodes[random.below(nodes.count)]
        if random.below(2) == 0 { try node.kill() }
        try node.start()
        count("restarted")
    }

    private func login() {
        if clients.count > 48 { clients.removeFirst(16) }
        let node = node
        let birth = node.store.sequence
        guard let sid = node.login() else { return }
        clients.append(Client(sid: sid, birth: birth, subject: random.below(3)))
        count("began")
    }

    private func pick() -> Int? { clients.isEmpty ? nil : random.below(clients.count) }

    private func subject(_ place: Int) -> String { "subject-\(clients[place].subject)" }

    /// An honest client: it has the newest token, and asks any node until it has its answer.
    private func rotate() {
        guard let place = pick() else { return }
        let client = clients[place]
        for _ in 0..<6 {
            let node = nodes[random.below(nodes.count)]
            let outcome = node.rotate(
                client.sid, client.generation, birth: client.birth, subject: subject(place))
            switch outcome {
            case .rotated(let generation, _, _), .replayed(let generation, _, _):
                check(!client.isEnded, "a session went on that has ended")
                check(generation == client.generation + 1, "generation \(client.generation) became \(generation)")
                clients[place].generation = generation
                return count("rotated")
            case .denied, .reused:
                check(
                    client.isEnded || client.isStolen,
                    "an honest client got \(String(describing: outcome)) from \(node.name)")
                clients[place].isEnded = true
                return count("denied")
            case .unavailable, nil: settle()
            case .mismatched, .ahead:
                return check(client.isStolen, "an honest client got \(String(describing: outcome)) from \(node.name)")
            }
        }
        count("gave up")
    }

    /// A thief has a token that was used long ago.
    private func steal() {
        guard let place = pick(), clients[place].generation >= 2 else { return }
        let client = clients[place]
        clients[place].isStolen = true
        let outcome = nodes[random.below(nodes.count)].rotate(
            client.sid, client.generation - 2, birth: client.birth, subject: subject(place))
        if case .rotated = outcome { check(false, "a thief got a token") }
        if case .replayed = outcome { check(false, "a thief got a token") }
        if case .reused = outcome {
            clients[place].isEnded = true
            ended.insert(client.sid)
        }
        count("stolen")
    }

    private func revoke() {
        guard let place = pick() else { return }
        clients[place].isEnded = true
        if case .success = node.revoke(clients[place].sid) { count("revoked") }
        // Acknowledged or not, it counts: doubt rejects.
        ended.insert(clients[place].sid)
    }

    private func cut() {
        let subject = random.below(3)
        settle()
        for place in clients.indices where clients[place].subject == subject { clients[place].isEnded = true }
        _ = node.cut("subject-\(subject)")
        count("cut")
        settle()
    }

    /// Lets all nodes catch up.
    private func settle() {
        for _ in 0..<8 {
            clock.pass(700)
            for node in nodes { node.step() }
        }
    }

    private func compare() {
        for node in nodes {
            check(node.status.conditions.isEmpty, "\(node.name): \(node.status.conditions)")
            check(
                node.store.position == nodes[0].store.position,
                "\(node.name) is at \(node.store.position), and not at \(nodes[0].store.position)")
        }
        check(world?.rotatedAfterEnd ?? 0 == 0, "the log has a rotation of a session after its end")
        for place in clients.indices {
            let client = clients[place]
            if client.isEnded {
                for node in nodes {
                    check(
                        node.denies(client.sid, birth: client.birth, subject: subject(place)),
                        "\(node.name) lets a session go on that has ended")
                }
            } else if !client.isStolen {
                let found = nodes.map { $0.store.generation(of: client.sid) }
                check(
                    Set(found).count == 1 && (found[0] == client.generation || found[0] == client.generation + 1),
                    "generations \(found), and the client has \(client.generation)")
                check(
                    !nodes.contains { $0.denies(client.sid, birth: client.birth, subject: subject(place)) },
                    "a session has ended that no step ended")
            }
        }
        count("compared")
    }

    private func count(_ what: String) { counts[what, default: 0] += 1 }

    private func check(_ holds: Bool, _ complaint: @autoclosure () -> String) {
        if !holds, complaints.count < 20 { complaints.append("step \(steps): \(complaint())") }
    }
}

extension SplitMix {
    /// A number that does not change the sequence.
    var peek: Int {
        var copy = self
        return copy.below(1 << 20)
    }
}
