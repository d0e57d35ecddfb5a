import Foundation

/// Files of Wycheproof's schema v1, as far as these tests read them. A file that is put beside the others is read with them.
struct WycheproofFile: Decodable {
    struct Group: Decodable {
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
        let keySize: Int?
        /// The hash, as `SHA-256`.
        let sha: String?
        let mgfSha: String?
        /// The salt's length in octets.
        let sLen: Int?
        let publicKeyDer: String?
        let publicKeyPem: String?
        let tests: [Case]
    }
    let testGroups: [Group]

    static func load(_ name: String) throws -> WycheproofFile {
        try JSONDecoder().decode(WycheproofFile.self, from: Data(contentsOf: directory.appending(path: name)))
    }

    /// The names of all files that begin so.
    static func names(_ prefix: String) -> [String] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: directory.path())) ?? []
        return names.filter { $0.hasPrefix(prefix) && $0.hasSuffix("_test.json") }.sorted()
    }

    private static let directory = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "Vectors/wycheproof")
}

func octets(hex: String) -> [UInt8] {
    let digits = Array(hex.utf8).compactMap { Character(UnicodeScalar($0)).hexDigitValue }
    return stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
}
