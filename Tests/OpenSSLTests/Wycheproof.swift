import Foundation

/// Files of Wycheproof's schema v1, as far as these tests read them.
struct WycheproofFile: Decodable {
    struct Group: Decodable {
        struct Key: Decodable {
            let modulus: String
            let publicExponent: String
        }
        struct Case: Decodable {
            let tcId: Int
            let comment: String
            let result: String
            let msg: String
            let key: String?
            let tag: String?
            let sig: String?
        }
        let tagSize: Int?
        let publicKey: Key?
        let tests: [Case]
    }
    let testGroups: [Group]

    static func load(_ name: String) throws -> WycheproofFile {
        let tests = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        let file = tests.appending(path: "Vectors/wycheproof/\(name)_test.json")
        return try JSONDecoder().decode(WycheproofFile.self, from: Data(contentsOf: file))
    }
}

func octets(hex: String) -> [UInt8] {
    let digits = Array(hex.utf8).compactMap { Character(UnicodeScalar($0)).hexDigitValue }
    return stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
}
