import Encoding

/// An Argon2id hash in the PHC string format: `$argon2id$v=19$m=19456,t=2,p=1$SALT$TAG`, base64 without padding.
///
/// Only this spelling is accepted: parameters in this order, decimal without leading zeros, version 1.3.
struct Argon2Hash {
    static let tagByteCount = 32
    static let saltByteCount = 16
    private static let saltByteCounts = 8...64
    /// At least 128 bits, so that a password cannot match a short tag by chance.
    private static let tagByteCounts = 16...64

    let cost: Argon2Parameters
    let salt: [UInt8]
    let tag: [UInt8]

    init(cost: Argon2Parameters, salt: [UInt8], tag: [UInt8]) {
        self.cost = cost
        self.salt = salt
        self.tag = tag
    }

    init(_ text: [UInt8]) throws(StoredHashError) {
        let fields = text.split(separator: UInt8(ascii: "$"), maxSplits: 6, omittingEmptySubsequences: false)
        guard fields.count == 6, fields[0].isEmpty, fields[1].elementsEqual("argon2id".utf8) else { throw .malformed }
        guard let version = Decimal.value(of: fields[2], after: "v=") else { throw .malformed }
        let parameters = fields[3].split(separator: UInt8(ascii: ","), maxSplits: 3, omittingEmptySubsequences: false)
        guard parameters.count == 3, let memory = Decimal.value(of: parameters[0], after: "m="),
            let passes = Decimal.value(of: parameters[1], after: "t="),
            let lanes = Decimal.value(of: parameters[2], after: "p=")
        else { throw .malformed }
        let encodedSalt = Array(fields[4])
        let encodedTag = Array(fields[5])
        guard let salt = Base64.decodeUnpadded(encodedSalt.span), Self.saltByteCounts.contains(salt.count),
            let tag = Base64.decodeUnpadded(encodedTag.span), Self.tagByteCounts.contains(tag.count)
        else { throw .malformed }
        guard version == 19, let cost = Argon2Parameters(memoryKiB: memory, passes: passes, lanes: lanes) else {
            throw .unsupported
        }
        self.init(cost: cost, salt: salt, tag: tag)
    }

    var text: String {
        let salt = Base64.encodeUnpadded(salt)
        let tag = Base64.encodeUnpadded(tag)
        return "$argon2id$v=19$m=\(cost.memoryKiB),t=\(cost.passes),p=\(cost.lanes)$\(salt)$\(tag)"
    }

    func isWeaker(than wanted: Argon2Parameters) -> Bool {
        cost.isWeaker(than: wanted) || salt.count < Self.saltByteCount || tag.count < Self.tagByteCount
    }
}
