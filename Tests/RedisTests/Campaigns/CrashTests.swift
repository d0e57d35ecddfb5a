import Foundation
import Glibc
import Revocation
import Synchronization
import TestForm
import Testing

@testable import Redis
@testable import Store

@Suite(
    "Crashes of Redis under load", .serialized, .enabled(if: RedisServer.isInstalled, "redis-server is not installed"))
struct CrashTests {
    @Test func `nothing that was acknowledged is lost when Redis is killed`() throws {
        let rounds = TestForm.pick(quick: 3, normal: 10, full: 200)
        let scene = try EngineScene()
        var acknowledged: [UInt64] = []
        var next: UInt64 = 1
        var generations: [UInt32] = Array(repeating: 0, count: 8)
        for round in 0..<rounds {
            _ = try scene.engine.connect(by: soon)
            let server = scene.server
            let delay = UInt32(20_000 + (round * 37_003) % 90_000)
            let killer = try TestThread {
                usleep(delay)
                server.signal(SIGKILL)
            }
            var repeated = false
            while true {
                let numbers = (0..<16).map { next + $0 }
                next += 16
                let session = Int(next / 16 % 8)
                let steps =
                    numbers.map { StoreStep.append([revoked(id($0))]) } + [
                        advance(id(1_000_000 + UInt64(session)), from: generations[session])
                    ]
                guard let outcomes = try? scene.engine.commit(steps, epoch: 1, by: .after(milliseconds: 2_000)) else {
                    break
                }
                for (number, outcome) in zip(numbers, outcomes) where outcome.stamp != nil {
                    acknowledged.append(number)
                }
                switch outcomes[16] {
                case .advanced: generations[session] += 1
                case .stands(let rotation?, _): generations[session] = rotation.generation
                default: Issue.record("\(outcomes[16])")
                }
                repeated = true
            }
            #expect(repeated || round > 0)
            killer.join()
            server.kill()
            try server.start()
        }
        _ = try scene.engine.connect(by: soon)
        let found = Set(try scene.loaded().map(\.key))
        let lost = acknowledged.filter { !found.contains(id($0)) }
        #expect(lost.isEmpty)
        #expect(acknowledged.count > rounds * 16)
        for (session, generation) in generations.enumerated() {
            guard case .stands(let rotation, _) = try scene.commit(advance(id(1_000_000 + UInt64(session)), from: .max))
            else {
                Issue.record("no answer")
                continue
            }
            #expect(rotation?.generation ?? 0 >= generation)
        }
        print("\(rounds) x kill -9 of Redis: \(acknowledged.count) acknowledged, \(lost.count) lost")
    }

    @Test func `commit is compared with the bare scripts`() throws {
        let scene = try EngineScene()
        let count = TestForm.pick(quick: 2_000, normal: 20_000)
        let sessions = (0..<UInt64(count)).map { id($0) }
        var began = Date()
        var index = 0
        while index < count {
            let steps = sessions[index..<min(index + 64, count)].map { advance($0, from: 0, birth: 1) }
            for outcome in try scene.engine.commit(steps, epoch: 1, by: soon) { #expect(outcome.stamp != nil) }
            index += 64
        }
        let own = Double(count) / Date().timeIntervalSince(began)
        let raw = try RawPipeline(port: scene.server.port)
        let commands = sessions.map { scene.engine.commands(advance($0, from: 1, birth: 1), epoch: 1)[0] }
        began = Date()
        index = 0
        while index < count {
            let part = commands[index..<min(index + 64, count)]
            try raw.send(part.flatMap { $0 }, lines: part.count * 4)
            index += 64
        }
        let bare = Double(count) / Date().timeIntervalSince(began)
        print("rotations, 64 at a time: commit \(Int(own))/s, bare scripts \(Int(bare))/s, ratio \(own / bare)")
    }
}
