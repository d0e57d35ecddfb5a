import Foundation
import Testing

@testable import Accounts

@Suite("Argon2id, RFC 9106")
struct Argon2idTests {
    @Test func `gives the outside vectors, RFC 9106 §5.3 among them`() throws {
        let cases = try Argon2Vector.all()
        #expect(cases.count == 6)
        for vector in cases {
            let cost = try #require(
                Argon2Parameters(
                    memoryKiB: vector.number("memcost"), passes: vector.number("iter"), lanes: vector.number("lanes")))
            let tag = try Argon2.derive(
                password: vector.bytes("pass"), salt: vector.bytes("salt"), secret: vector.bytes("secret"),
                associatedData: vector.bytes("ad"), cost: cost, byteCount: vector.number("length"))
            #expect(tag == vector.bytes("output"), "COUNT = \(vector.number("COUNT"))")
        }
    }

    @Test func `says so when libargon2 refuses`() throws {
        #expect(throws: AccountsError.hashing(call: "argon2id_ctx", code: -6)) {
            try Argon2.derive(password: [1], salt: [1, 2, 3], cost: .standard, byteCount: 32)
        }
    }

    @Test func `a worker's memory is one block for all its hashes until it is released`() throws {
        let memory = Argon2Memory()
        let cost = try #require(Argon2Parameters(memoryKiB: 64, passes: 1, lanes: 1))
        let salt = [UInt8](repeating: 7, count: 16)
        let alone = try Argon2.derive(password: [1], salt: salt, cost: cost, byteCount: 32)
        memory.use {
            #expect(Argon2Memory.current === memory)
            for _ in 0..<3 {
                #expect((try? Argon2.derive(password: [1], salt: salt, cost: cost, byteCount: 32)) == alone)
                #expect(memory.heldByteCount == 64 * 1_024)
            }
        }
        #expect(Argon2Memory.current == nil)
        memory.release()
        #expect(memory.heldByteCount == 0)
    }

    @Test(arguments: [
        (19_456, 2, true), (19_455, 2, false), (12_288, 3, true), (9_216, 4, true), (7_168, 5, true), (7_167, 9, false),
        (47_104, 1, true), (47_103, 1, false), (65_536, 3, true),
    ])
    func `F6: adequate is 19 MiB and two passes or an OWASP equal`(_ memory: Int, _ passes: Int, _ isAdequate: Bool)
        throws
    {
        let parameters = try #require(Argon2Parameters(memoryKiB: memory, passes: passes, lanes: 1))
        #expect(parameters.isAdequate == isAdequate)
    }

    @Test(arguments: [
        (0, 1, 1), (7, 1, 1), (8, 0, 1), (8, 1, 0), (15, 1, 2), (262_145, 1, 1), (262_144, 5, 1), (200, 1, 17),
        (-1, -1, -1), (Int.max, Int.max, Int.max), (8, Int.max, 1),
    ])
    func `a cost out of bounds does not exist`(_ memory: Int, _ passes: Int, _ lanes: Int) {
        #expect(Argon2Parameters(memoryKiB: memory, passes: passes, lanes: lanes) == nil)
    }
}

/// One `COUNT = n` block of the NIST-like text.
private struct Argon2Vector {
    var fields: [String: String] = [:]

    func number(_ name: String) -> Int { fields[name].flatMap { Int($0) } ?? 0 }

    func bytes(_ name: String) -> [UInt8] {
        let digits = Array(fields[name] ?? "")
        return stride(from: 0, to: digits.count - 1, by: 2).compactMap { UInt8(String(digits[$0...$0 + 1]), radix: 16) }
    }

    static func all() throws -> [Argon2Vector] {
        var vectors: [Argon2Vector] = []
        let text = String(decoding: try Vectors.data("pyca-kdf-otp/argon2id.txt"), as: UTF8.self)
        for line in text.split(separator: "\n") where !line.hasPrefix("#") {
            let parts = line.split(separator: "=", maxSplits: 1).map { $0.trimmingCharacters(in: .whitespaces) }
            if parts.first == "COUNT" { vectors.append(Argon2Vector()) }
            guard parts.count == 2, !vectors.isEmpty else { continue }
            vectors[vectors.count - 1].fields[parts[0]] = parts[1]
        }
        return vectors
    }
}

enum Vectors {
    static func data(_ path: String) throws -> Data {
        let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        return try Data(contentsOf: tests.appendingPathComponent("Vectors").appendingPathComponent(path))
    }
}
