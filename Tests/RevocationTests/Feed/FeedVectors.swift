import Encoding
import Foundation
import Platform
import Revocation
import Testing

/// The files of `Tests/Vectors/feed`, which another program wrote.
enum FeedVectors {
    struct Record: Decodable {
        let hex: String
    }

    struct Records: Decodable {
        let epoch: UInt32
        let records: [Record]
    }

    struct Damaged: Decodable {
        let name: String
        let hex: String
        let fault: String
    }

    struct Claims: Decodable {
        let jti: String
        let sid: String?
        let iat: Int64
        let bsq: UInt64?
        let sub: String
        let client_id: String
    }

    struct Case: Decodable {
        struct Header: Decodable {
            let kid: String
        }

        let name: String
        let header: Header
        let claims: Claims
        let denied: String?
    }

    struct Group: Decodable {
        struct Record: Decodable {
            let seq: String
        }

        let records: [Record]
        let cases: [Case]
    }

    struct Cases: Decodable {
        let groups: [Group]
    }

    static func bytes(_ name: String) throws -> [UInt8] {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        return Array(try Data(contentsOf: folder.appending(path: "Vectors/feed/\(name)")))
    }

    static func value<Value: Decodable>(_ name: String, as type: Value.Type = Value.self) throws -> Value {
        try JSONDecoder().decode(type, from: Data(try bytes(name)))
    }

    /// The bytes of a JSON document without spaces, in the order of its members.
    static func compact(_ json: [UInt8]) -> String {
        var text: [UInt8] = []
        var isQuoted = false
        for octet in json {
            if octet == UInt8(ascii: "\"") { isQuoted.toggle() }
            if isQuoted || !" \n".utf8.contains(octet) { text.append(octet) }
        }
        return String(decoding: text, as: UTF8.self)
    }

    static func octets(hex: String) -> [UInt8] {
        let digits = Array(hex.utf8)
        return stride(from: 0, to: digits.count, by: 2).map {
            UInt8(String(decoding: digits[$0..<($0 + 2)], as: UTF8.self), radix: 16) ?? 0
        }
    }

    static func records() throws -> [FeedRecord] {
        let content = try bytes("records.bin")
        return try FeedCodec.records(content.span, epoch: 1)
    }
}
