import Encoding
import OpenSSL

/// An imported PBKDF2 hash: that of Django, `pbkdf2_sha256$ITERATIONS$SALT$TAG` with a salt of plain text, or that of
/// passlib and others, `$pbkdf2-sha256$ITERATIONS$SALT$TAG` in base64, also with `i=ITERATIONS,l=32` and SHA-512.
struct PBKDF2Hash {
    /// About a second on a slow core.
    static let iterationCountMax = 4_000_000
    private static let saltByteCounts = 1...128
    private static let tagByteCountMin = 16

    private let hash: HashFunction
    private let iterationCount: Int
    private let salt: [UInt8]
    private let tag: [UInt8]

    init(_ text: [UInt8]) throws(StoredHashError) {
        let fields = PHCString.fields(text, countMax: 5)
        let isPHC = fields[0].isEmpty
        guard let (hash, name) = Self.scheme(isPHC ? fields[1] : fields[0], isPHC: isPHC) else {
            throw .unsupported("PBKDF2 as pbkdf2_sha256$, $pbkdf2-sha256$ or $pbkdf2-sha512$")
        }
        let parts = fields.dropFirst(isPHC ? 2 : 1)
        guard parts.count == 3 else {
            throw .malformed("\(name) with iterations, salt and hash, separated by $; this one is cut off or changed")
        }
        let salt = parts[parts.startIndex + 1]
        let tag = parts[parts.startIndex + 2]
        let saltBytes = isPHC ? PHCString.bytes(salt, Self.saltByteCounts, allowsDots: true) : Array(salt)
        guard let saltBytes, Self.saltByteCounts.contains(saltBytes.count) else {
            throw .malformed(
                "\(name) with a salt of 1 to 128 bytes\(isPHC ? " in base64 without padding" : "")")
        }
        // At most the length of one block, because each further block costs as much again.
        let tagByteCounts = Self.tagByteCountMin...hash.byteCount
        let letters = !isPHC && tag.last == UInt8(ascii: "=") ? tag.dropLast() : tag
        guard let tagBytes = PHCString.bytes(letters, tagByteCounts, allowsDots: isPHC) else {
            throw .malformed(
                "\(name) with a hash of \(tagByteCounts.lowerBound) to \(tagByteCounts.upperBound) bytes in base64"
                    + "\(isPHC ? " without padding" : ""); this one is cut off or changed")
        }
        guard let (count, byteCount) = Self.iterations(parts[parts.startIndex], isPHC: isPHC),
            byteCount == nil || byteCount == tagBytes.count
        else { throw .malformed("\(name) with a number of iterations in front of its salt") }
        guard (1...Self.iterationCountMax).contains(count) else {
            throw .unsupported("\(name) with 1 to \(Self.iterationCountMax) iterations; this one is too costly")
        }
        self.hash = hash
        iterationCount = count
        self.salt = saltBytes
        self.tag = tagBytes
    }

    /// Compares in constant time.
    /// - Throws: `.hashing` if memory runs out.
    func accepts(_ password: [UInt8]) throws(AccountsError) -> Bool {
        do throws(CryptoError) {
            let made = try PBKDF2.derive(
                password: password, salt: salt, iterationCount: iterationCount, hash: hash, byteCount: tag.count)
            return ConstantTime.isEqual(made.span, tag.span)
        } catch {
            throw .hashing(call: "PKCS5_PBKDF2_HMAC", code: 0)
        }
    }

    private static func scheme(_ name: ArraySlice<UInt8>, isPHC: Bool) -> (HashFunction, String)? {
        switch (String(decoding: name, as: UTF8.self), isPHC) {
        case ("pbkdf2_sha256", false): (.sha256, "pbkdf2_sha256$")
        case ("pbkdf2-sha256", true): (.sha256, "$pbkdf2-sha256$")
        case ("pbkdf2-sha512", true): (.sha512, "$pbkdf2-sha512$")
        default: nil
        }
    }

    /// Parses `29000`, and in the PHC form also `i=29000` and `i=29000,l=32`.
    private static func iterations(_ field: ArraySlice<UInt8>, isPHC: Bool) -> (count: Int, byteCount: Int?)? {
        if let count = Decimal.value(of: field) { return (count, nil) }
        guard isPHC else { return nil }
        if let count = PHCString.parameters(field, ["i"]) { return (count[0], nil) }
        return PHCString.parameters(field, ["i", "l"]).map { ($0[0], $0[1]) }
    }
}
