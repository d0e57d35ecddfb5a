import Foundation
import Revocation
import Testing

@testable import Redis
@testable import Store

@Suite("Rights and settings", .enabled(if: RedisServer.isInstalled, "redis-server is not installed"))
struct RightsTests {
    /// The words of the line in docs/redis.md.
    private static func line() throws -> [String] {
        let page = try DocumentText.read("docs/redis.md")
        let line = try #require(page.split(separator: "\n").first { $0.hasPrefix("ACL SETUSER ") })
        return line.replacing("PASSWORD", with: "secret").split(separator: " ").map(String.init)
    }

    /// Everything that a node does.
    private func work(_ server: RedisServer) throws -> EngineReport {
        let source = try EngineScene.source(server, user: "martlet", password: "secret")
        let engine = try #require(try source.engine() as? RedisEngine)
        let report = try engine.connect(by: soon)
        let epoch = (report.head?.position.epoch ?? 0) + 1
        let head = try engine.begin(
            epoch: epoch, at: UInt64(epoch) << 21, expecting: report.head, identity: report.identity, by: soon)
        let steps: [StoreStep] = [
            .append([exemption(id(3), .subject, value: 5), cut(.subject, value: 5)]),
            .append(SessionEntryScene.records(id(9))),
            .append([revoked(id(9))]), advance(id(UInt64(epoch)), from: 0, birth: nil),
            .tell([revoked(id(8)).placed(seq: 1, time: 1)]), .readData(sid: id(1)),
        ]
        for outcome in try engine.commit(steps, epoch: epoch, by: soon) {
            if case .failed(let fault) = outcome { throw fault }
        }
        _ = try engine.load(by: soon) { _ in }
        _ = try engine.exchange(
            NodeReport(
                name: "n", instance: 1, version: "", position: head.position, age: 0, clockOffset: 0, keyHash: "",
                settingsHash: ""), by: soon)
        _ = try engine.status(by: soon)
        while try engine.maintain(by: soon) {}
        let tail = try source.tail()
        _ = try tail.connect(by: soon)
        _ = try tail.read(after: head.position, wait: 0, by: soon)
        return report
    }

    @Test func `the line of the page is enough`() throws {
        let server = try RedisServer()
        #expect(try server.raw(Self.line()) == "+OK")
        let report = try work(server)
        #expect(report.areSettingsKnown && report.flaws.isEmpty)
        _ = try work(server)
    }

    @Test func `nothing less than the line is enough`() throws {
        let line = try Self.line()
        let server = try RedisServer()
        for word in line where word.hasPrefix("+") || word.hasPrefix("~") {
            #expect(try server.raw(["ACL", "DELUSER", "martlet"]).hasPrefix(":"))
            let less = line.filter { $0 != word } + (word.hasPrefix("~") ? ["~other:*"] : [])
            #expect(try server.raw(less) == "+OK")
            if word == "+config|get" {
                #expect(try work(server).areSettingsKnown == false)
                continue
            }
            // A right that is missing is found before anything is half done.
            let before = try server.ask("GET", "{martlet}:time")
            do {
                _ = try work(server)
                Issue.record("\(word) is not needed")
            } catch {
                guard case .rejected? = error as? StoreFault else {
                    Issue.record("\(word): \(error)")
                    continue
                }
            }
            #expect(try server.ask("GET", "{martlet}:time") == before, "\(word)")
        }
    }

    @Test(arguments: [
        ("appendonly", "no", "yes"), ("appendfsync", "everysec", "always"), ("no-appendfsync-on-rewrite", "yes", "no"),
        ("maxmemory-policy", "allkeys-lru", "noeviction"),
    ])
    func `a setting that loses records is reported with its remedy`(
        _ setting: String, _ value: String, _ wanted: String
    ) throws {
        let scene = try EngineScene()
        #expect(try scene.engine.connect(by: soon).flaws.isEmpty)
        _ = try scene.server.ask("CONFIG", "SET", setting, value)
        let report = try scene.engine.connect(by: soon)
        #expect(report.flaws.map(\.setting) == [setting] && report.flaws.map(\.value) == [value])
        #expect(report.flaws.first?.remedy.contains("CONFIG SET \(setting) \(wanted)") == true)
        _ = try scene.server.ask("CONFIG", "SET", setting, wanted)
        #expect(try scene.engine.connect(by: soon).flaws.isEmpty)
    }
}

extension RedisServer {
    func raw(_ arguments: [String]) throws -> String { try RawClient(port: port).ask(arguments) }
}
