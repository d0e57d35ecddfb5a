import Encoding

/// An Argon2 hash in the PHC string format: `$argon2id$v=19$m=19456,t=2,p=1$SALT$TAG`, base64 without padding.
///
/// Argon2i and Argon2d are accepted too. The version is 1.3; the parameters may be in any order, decimal without
/// leading zeros.
struct Argon2Hash {
    static let tagByteCount = 32
    static let saltByteCount = 16
    private static let saltByteCounts = 8...64
    /// At least 128 bits, so that a password cannot match a short tag by chance.
    private static let tagByteCounts = 16...64

    let variant: Argon2Variant
    let cost: Argon2Parameters
    let salt: [UInt8]
    let tag: [UInt8]

    init(variant: Argon2Variant = .id, cost: Argon2Parameters, salt: [UInt8], tag: [UInt8]) {
        self.variant = variant
        self.cost = cost
        self.salt = salt
        self.tag = tag
    }

    init(_ text: [UInt8]) throws(StoredHashError) {
        let fields = PHCString.fields(text, countMax: 6)
        guard let variant = Argon2Variant(rawValue: String(decoding: fields[1], as: UTF8.self)) else {
            throw .unsupported("Argon2 as $argon2id$, $argon2i$ or $argon2d$")
        }
        let name = "$\(variant.rawValue)$"
        guard fields.count == 6 else {
            throw .malformed("\(name)v=19$m=19456,t=2,p=1$SALT$HASH; this one has another number of parts")
        }
        guard let version = Decimal.value(of: fields[2], after: "v="), version == 19 else {
            throw .unsupported("\(name) with version 1.3 (v=19)")
        }
        guard let numbers = PHCString.parameters(fields[3], ["m", "t", "p"]) else {
            throw .malformed("\(name) with the parameters m, t and p, such as m=19456,t=2,p=1, and no others")
        }
        guard let salt = PHCString.bytes(fields[4], Self.saltByteCounts) else {
            throw .malformed("\(name) with a salt of 8 to 64 bytes in base64 without padding")
        }
        guard let tag = PHCString.bytes(fields[5], Self.tagByteCounts) else {
            throw .malformed(
                "\(name) with a hash of 16 to 64 bytes in base64 without padding; this one is cut off or changed")
        }
        guard let cost = Argon2Parameters(memoryKiB: numbers[0], passes: numbers[1], lanes: numbers[2]) else {
            throw .unsupported(
                "\(name) with 8 KiB for each lane up to \(Argon2Parameters.memoryKiBMax) KiB, 1 to "
                    + "\(Argon2Parameters.lanesMax) lanes, and memory times passes up to \(Argon2Parameters.workMax)")
        }
        self.init(variant: variant, cost: cost, salt: salt, tag: tag)
    }

    var text: String {
        let salt = Base64.encodeUnpadded(salt)
        let tag = Base64.encodeUnpadded(tag)
        return "$\(variant.rawValue)$v=19$m=\(cost.memoryKiB),t=\(cost.passes),p=\(cost.lanes)$\(salt)$\(tag)"
    }

    func isWeaker(than wanted: Argon2Parameters) -> Bool {
        variant != .id || cost.isWeaker(than: wanted) || salt.count < Self.saltByteCount
            || tag.count < Self.tagByteCount
    }
}
