import Revocation
import Testing

@testable import Redis
@testable import Store

@Suite("Answers that no Redis gives", .enabled(if: RedisServer.isInstalled, "redis-server is not installed"))
struct MalformedAnswerTests {
    private static let cases: [(String, TamperingProxy.Tampering)] = [
        ("a string of 2 GB", .replace(Array("$2000000000\r\n".utf8))),
        ("a string of 2^63 - 1 bytes", .replace(Array("$9223372036854775807\r\n".utf8))),
        ("a string of a negative length", .replace(Array("$-7\r\n".utf8))),
        ("an array of 2^31 - 1 elements", .replace(Array("*2147483647\r\n".utf8))),
        ("an array of 10^18 elements", .replace(Array("*1000000000000000000\r\n".utf8))),
        ("many arrays that together are huge", .replace(Array(String(repeating: "*60000\r\n", count: 3).utf8))),
        ("arrays nested deeply", .replace(Array(String(repeating: "*1\r\n", count: 50).utf8))),
        ("an unknown type", .replace(Array("!oops\r\n".utf8))),
        ("a type of RESP3", .replace(Array("%1\r\n+a\r\n:1\r\n".utf8))),
        ("an integer that is too large", .replace(Array(":99999999999999999999\r\n".utf8))),
        ("no integer", .replace(Array(":1x\r\n".utf8))),
        ("a line without an end", .replace([UInt8](repeating: 0x2b, count: 70_000))),
        ("an answer of another type", .replace(Array(":1\r\n$1\r\n9\r\n".utf8))),
        ("an answer of another command before it", .insert(Array("*3\r\n:1\r\n:9\r\n:9\r\n".utf8))),
        ("an answer too many", .append(Array(":1\r\n".utf8))),
        ("an answer that was cut", .cut(7)),
        ("the end of the connection", .cut(0)),
        ("bytes that continue nothing", .append(Array("*3\r\n:1\r\n".utf8))),
        ("an answer that drips", .drip(Array("*3\r\n:1\r\n:77777777777777777777777777777777777777777777".utf8))),
        ("no answer", .swallow),
    ]

    /// The last cases, which only the deadline ends.
    private static let slowCount = 3

    @Test(arguments: cases.indices)
    func `nothing is acknowledged, and the connection ends`(_ index: Int) throws {
        let (what, tampering) = Self.cases[index]
        let scene = try EngineScene()
        let proxy = TamperingProxy(to: scene.server.port)
        defer { proxy.stop() }
        let source = try EngineScene.source("redis://127.0.0.1:\(proxy.port)")
        let engine = try #require(try source.engine() as? RedisEngine)
        _ = try engine.connect(by: soon)
        proxy.tamper(tampering)
        let began = StoreDeadline.now
        let limit = 800
        var fault: StoreFault?
        do throws(StoreFault) {
            let outcomes = try engine.commit(
                [advance(id(1), from: 0)], epoch: 1, by: .after(milliseconds: limit))
            Issue.record("\(what): \(outcomes)")
        } catch {
            fault = error
        }
        switch fault {
        case .lost, .malformed: break
        default: Issue.record("\(what): \(String(describing: fault))")
        }
        // What can be recognized ends the connection at once, and not at the deadline.
        let isSlow = index >= Self.cases.count - Self.slowCount
        if !isSlow { #expect(StoreDeadline.now - began < 700, "\(what)") }
        #expect(throws: StoreFault.unreachable(reason: "there is no connection to Redis")) {
            try engine.commit([advance(id(1), from: 0)], epoch: 1, by: soon)
        }
        _ = try engine.connect(by: soon)
        #expect(try engine.commit([.append([revoked(id(1))])], epoch: 1, by: soon).first?.stamp != nil)
    }

    @Test func `answers that are shifted by one are found before anything is made of them`() throws {
        let scene = try EngineScene()
        let proxy = TamperingProxy(to: scene.server.port)
        defer { proxy.stop() }
        let engine = try #require(
            try EngineScene.source("redis://127.0.0.1:\(proxy.port)").engine() as? RedisEngine)
        _ = try engine.connect(by: soon)
        // Both are well formed, and each would fit.
        proxy.tamper(.replace(Array("*3\r\n:1\r\n:8\r\n:9\r\n*3\r\n:1\r\n:8\r\n:9\r\n".utf8)))
        #expect(throws: StoreFault.malformed(reason: "a reply to another command")) {
            try engine.commit([advance(id(1), from: 0)], epoch: 1, by: soon)
        }
    }
}
