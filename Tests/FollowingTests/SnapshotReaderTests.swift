@testable import Following
import Foundation
import JOSE
import Revocation
import Testing

@Suite("Snapshots, with the vectors that another program wrote")
struct SnapshotReaderTests {
    private struct Vectors: Decodable {
        struct Snapshot: Decodable, CustomTestStringConvertible {
            let file: String
            let fault: String?

            var testDescription: String { file }
        }

        let issuer: String
        let position: String
        let snapshots: [Snapshot]
    }

    private final class Counter {
        var count = 0
    }

    private static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Vectors/feed")

    private static func bytes(_ name: String) throws -> [UInt8] {
        Array(try Data(contentsOf: folder.appending(path: name)))
    }

    private static func keys() throws -> VerificationKeySet {
        let set = try bytes("jwks.json")
        return try VerificationKeySet(parsing: set.span, algorithm: nil)
    }

    private static func vectors() throws -> Vectors {
        try JSONDecoder().decode(Vectors.self, from: try Data(contentsOf: folder.appending(path: "snapshots.json")))
    }

    /// Reads a whole snapshot in pieces, as a follower does.
    private func read(_ name: String, step: Int) throws -> SnapshotClaims {
        let vectors = try Self.vectors()
        let keys = try Self.keys()
        var reader = SnapshotReader(keys: keys, issuer: vectors.issuer)
        var spool = SnapshotSpool(nil)
        var rest = try Self.bytes(name)[...]
        while !rest.isEmpty {
            let part = Array(rest.prefix(step))
            try reader.take(part)
            try spool.append(part)
            rest = rest.dropFirst(step)
        }
        let claims = try reader.finish()
        let counter = Counter()
        try spool.read(claims) { counter.count += $0.count }
        let count = counter.count
        #expect(count == claims.count)
        return claims
    }

    @Test(arguments: [1, 100, 1_000_000])
    func `each vector is accepted or rejected, however it is cut`(_ step: Int) throws {
        let vectors = try Self.vectors()
        #expect(vectors.snapshots.count >= 15)
        for snapshot in vectors.snapshots {
            if snapshot.fault == nil {
                #expect(try read(snapshot.file, step: step).position.text == vectors.position)
            } else {
                #expect(throws: FollowFault.self, "\(snapshot.file)") { try read(snapshot.file, step: step) }
            }
        }
    }

    @Test func `a snapshot of another issuer names both`() throws {
        let fault = #expect(throws: FollowFault.self) { try read("snapshot-other-issuer.snap", step: 64) }
        #expect(fault.map { "\($0)" }?.contains("MARTLET_ISSUER") == true)
    }

    /// Feeds a reader with a line that never ends.
    private func readEndlessLine() throws {
        let keys = try Self.keys()
        var reader = SnapshotReader(keys: keys, issuer: "i")
        let part = [UInt8](repeating: 0x41, count: 1_024)
        for _ in 0..<1_000 { try reader.take(part) }
    }

    @Test func `a line without an end is given up early`() {
        #expect(throws: FollowFault.snapshot("its first line is too long")) { try readEndlessLine() }
    }

    /// Fills a spool that has no file.
    private func spool(mebibytes: Int) throws {
        var spool = SnapshotSpool(nil)
        let part = [UInt8](repeating: 0, count: 1_048_576)
        for _ in 0..<mebibytes { try spool.append(part) }
    }

    @Test func `without a disk a snapshot of more than 64 MiB is given up`() throws {
        try spool(mebibytes: 64)
        #expect(throws: FollowFault.self) { try spool(mebibytes: 65) }
    }
}
