import Encoding
import OpenSSL

/// An imported scrypt hash as passlib and others write it: `$scrypt$ln=16,r=8,p=1$SALT$TAG`, base64 without padding.
struct ScryptHash {
    /// 256 MiB, as for Argon2.
    private static let blockCountMax = 1 << 21
    /// N times r times p, which determines the time; about one second.
    private static let workMax = 1 << 21
    private static let saltByteCounts = 1...128
    private static let tagByteCounts = 16...64

    private let costLog2: Int
    private let blockSize: Int
    private let parallelism: Int
    private let salt: [UInt8]
    private let tag: [UInt8]

    init(_ text: [UInt8]) throws(StoredHashError) {
        let fields = PHCString.fields(text, countMax: 5)
        guard fields.count == 5 else {
            throw .malformed("$scrypt$ with parameters, salt and hash, separated by $; this one is cut off or changed")
        }
        guard let numbers = PHCString.parameters(fields[2], ["ln", "r", "p"]) else {
            throw .malformed("$scrypt$ with the parameters ln, r and p, such as ln=16,r=8,p=1")
        }
        guard let salt = PHCString.bytes(fields[3], Self.saltByteCounts) else {
            throw .malformed("$scrypt$ with a salt of 1 to 128 bytes in base64 without padding")
        }
        guard let tag = PHCString.bytes(fields[4], Self.tagByteCounts) else {
            throw .malformed(
                "$scrypt$ with a hash of 16 to 64 bytes in base64 without padding; this one is cut off or changed")
        }
        let (costLog2, blockSize, parallelism) = (numbers[0], numbers[1], numbers[2])
        guard (1...21).contains(costLog2), (1...32).contains(blockSize), (1...64).contains(parallelism),
            // RFC 7914 §6 has no larger N for a small r.
            costLog2 < 16 * blockSize, blockSize << costLog2 <= Self.blockCountMax,
            blockSize * parallelism << costLog2 <= Self.workMax
        else {
            throw .unsupported(
                "$scrypt$ of 256 MiB at most, with N times r times p up to \(Self.workMax), r up to 32 and p up to 64, "
                    + "and N below 2 to the power of 16 r; "
                    + "this one is too costly")
        }
        self.costLog2 = costLog2
        self.blockSize = blockSize
        self.parallelism = parallelism
        self.salt = salt
        self.tag = tag
    }

    /// The bytes that RFC 7914 §5 needs: one array of N blocks, two more blocks, and p blocks.
    var memory: Int { 128 * blockSize * ((1 << costLog2) + 2 + parallelism) }

    /// Compares in constant time.
    /// - Throws: `.hashing` if memory runs out.
    func accepts(_ password: [UInt8]) throws(AccountsError) -> Bool {
        do throws(CryptoError) {
            let made = try Scrypt.derive(
                password: password, salt: salt, costLog2: costLog2, blockSize: blockSize, parallelism: parallelism,
                memoryMax: 2 * memory, byteCount: tag.count)
            return ConstantTime.isEqual(made.span, tag.span)
        } catch {
            throw .hashing(call: "EVP_PBE_scrypt", code: 0)
        }
    }
}
