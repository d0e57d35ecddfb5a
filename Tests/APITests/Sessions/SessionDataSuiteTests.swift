import API
import Foundation
import Testing

/// Each file of JSONTestSuite in the value of a member.
@Suite("Session data and JSONTestSuite")
struct SessionDataSuiteTests {
    private static let directory = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("../../Vectors/jsontestsuite/test_parsing")

    private static let names =
        ((try? FileManager.default.contentsOfDirectory(atPath: directory.path)) ?? []).sorted()

    @Test func `stores what is valid and rejects what is not`() throws {
        #expect(Self.names.count >= 200)
        let world = try World(data: MemorySessionData())
        let token = world.pair().access
        for name in Self.names {
            let file = try Data(contentsOf: Self.directory.appendingPathComponent(name))
            var ask = Ask("PATCH", "/session/data").bearer(token).json("")
            ask.body = Array("{\"v\":[".utf8) + Array(file) + Array("]}".utf8)
            let answer = world.send(ask)
            switch name.prefix(2) {
            case "y_" where !name.contains("duplicated_key"):
                #expect(answer.status == 200, "\(name): \(answer.text)")
                let sent = try JSONSerialization.jsonObject(with: file, options: .fragmentsAllowed) as? NSObject
                #expect(answer.json["v"] as? NSArray == [sent as Any], "\(name)")
            // Nothing between brackets is an empty array.
            case "n_" where file.allSatisfy({ $0 == 0x20 }): #expect(answer.status == 200, "\(name)")
            case "i_": #expect(answer.status == 200 || answer.status == 400, "\(name)")
            default: #expect(answer.status == 400 || answer.status == 413, "\(name): \(answer.status)")
            }
        }
    }

    @Test(arguments: ["12345678901234567890", "-0", "-0.0", "1e400", "0.1000", "1E+2", "9007199254740993"])
    func `numbers keep their spelling through every merge`(_ number: String) throws {
        let world = try World(data: MemorySessionData())
        let token = world.pair().access
        #expect(world.patch("{\"n\":\(number)}", token).text == "{\"n\":\(number)}")
        #expect(world.patch("{\"o\":{\"n\":[\(number), \(number)]}}", token).status == 200)
        #expect(
            world.patch("{\"x\":1}", token).text
                == "{\"n\":\(number),\"o\":{\"n\":[\(number),\(number)]},\"x\":1}")
    }
}
