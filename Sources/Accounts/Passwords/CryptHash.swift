import CCrypt
import Encoding
import Glibc

/// An imported password hash in one of the schemes of crypt(5): bcrypt, yescrypt, SHA-512 or SHA-256.
///
/// The form and the cost are checked before libxcrypt is called: a bcrypt hash of cost 31 would take days.
struct CryptHash {
    /// About a second on a slow core.
    private static let bcryptCostMax = 14
    private static let shaRoundsMax = 1_000_000
    private static let schemes =
        "$argon2id$, $argon2i$, $argon2d$, bcrypt ($2a$, $2b$, $2y$), yescrypt ($y$), $scrypt$, pbkdf2_sha256$, "
        + "$pbkdf2-sha256$, $pbkdf2-sha512$, SHA-512 ($6$) or SHA-256 ($5$)"
    /// libxcrypt's own limit, without the NUL at the end.
    private static let passwordByteCountMax = Int(CRYPT_MAX_PASSPHRASE_SIZE) - 1
    private static let bcryptPasswordByteCountMax = 72

    private let text: [UInt8]
    private let passwordByteCountMax: Int

    init(_ text: [UInt8]) throws(StoredHashError) {
        if text.starts(with: "$2".utf8) {
            try Self.checkBcrypt(text)
            passwordByteCountMax = Self.bcryptPasswordByteCountMax
        } else if text.starts(with: "$6$".utf8) {
            try Self.checkSHA(text, "$6$", tagCount: 86)
            passwordByteCountMax = Self.passwordByteCountMax
        } else if text.starts(with: "$5$".utf8) {
            try Self.checkSHA(text, "$5$", tagCount: 43)
            passwordByteCountMax = Self.passwordByteCountMax
        } else if text.starts(with: "$y$".utf8) {
            try Self.checkYescrypt(text)
            passwordByteCountMax = Self.passwordByteCountMax
        } else {
            throw .malformed("a hash of \(Self.schemes); this scheme is not supported")
        }
        self.text = text
    }

    /// The bytes that yescrypt needs: 128 times N times r (its `j` parameters, see ``checkYescrypt(_:)``); bcrypt,
    /// SHA-512 and SHA-256 need almost none.
    var memory: Int {
        guard text.starts(with: "$y$j".utf8), text.count > 6 else { return 0 }
        return 128 * Self.number(text[5]) << Self.number(text[4])
    }

    /// Returns the value of a letter that checkYescrypt(_:) has accepted, from `.` = 1.
    private static func number(_ letter: UInt8) -> Int {
        switch letter {
        case UInt8(ascii: ".")...UInt8(ascii: "9"): Int(letter) - 0x2E + 1
        default: Int(letter & 0x1F) + 12
        }
    }

    /// Wraps `crypt_r`.
    ///
    /// A password that the scheme would truncate (at a NUL, or at bcrypt's 73rd byte) is a mismatch, so that no other
    /// password is accepted in its place.
    func accepts(_ password: [UInt8]) -> Bool {
        guard password.count <= passwordByteCountMax, !password.contains(0) else { return false }
        let data = UnsafeMutablePointer<crypt_data>.allocate(capacity: 1)
        unsafe memset(data, 0, MemoryLayout<crypt_data>.size)
        defer {
            unsafe explicit_bzero(data, MemoryLayout<crypt_data>.size)
            unsafe data.deallocate()
        }
        let phrase = password.map { CChar(bitPattern: $0) } + [0]
        let setting = text.map { CChar(bitPattern: $0) } + [0]
        guard let output = unsafe crypt_r(phrase, setting, data) else { return false }
        let made = unsafe Array(UnsafeRawBufferPointer(start: output, count: strlen(output)))
        return ConstantTime.isEqual(made.span, text.span)
    }

    /// `$2b$05$` and 53 letters: 22 of salt, 31 of hash.
    private static func checkBcrypt(_ text: [UInt8]) throws(StoredHashError) {
        guard text.count == 60 else {
            throw .malformed("a bcrypt hash of 60 characters; this one is cut off or too long")
        }
        guard "aby".utf8.contains(text[2]), text[3] == dollar else {
            throw .unsupported("a bcrypt hash that begins with $2a$, $2b$ or $2y$")
        }
        guard text[6] == dollar, text[7...].allSatisfy(isLetter), let tens = Decimal.value(of: text[4...4]),
            let ones = Decimal.value(of: text[5...5])
        else { throw .malformed("a bcrypt hash of two digits, $ and 53 letters of ./0-9A-Za-z; this one is changed") }
        guard (4...bcryptCostMax).contains(tens * 10 + ones) else {
            throw .unsupported("a bcrypt hash with a cost from 04 to \(bcryptCostMax)")
        }
    }

    /// `$6$` or `$5$`, optionally `rounds=5000$`, up to 16 letters of salt, `$`, 86 or 43 letters of hash.
    private static func checkSHA(_ text: [UInt8], _ prefix: String, tagCount: Int) throws(StoredHashError) {
        var fields = text.dropFirst(3).split(separator: dollar, maxSplits: 3, omittingEmptySubsequences: false)
        if let first = fields.first, first.starts(with: "rounds=".utf8) {
            guard let rounds = Decimal.value(of: first, after: "rounds="), (1_000...shaRoundsMax).contains(rounds)
            else { throw .unsupported("\(prefix) with 1000 to \(shaRoundsMax) rounds") }
            fields.removeFirst()
        }
        guard fields.count == 2, fields[0].count <= 16, fields[0].allSatisfy(isLetter) else {
            throw .malformed("\(prefix) with a salt of up to 16 letters of ./0-9A-Za-z, $ and the hash")
        }
        guard fields[1].count == tagCount, fields[1].allSatisfy(isLetter) else {
            throw .malformed("\(prefix) with a hash of \(tagCount) letters; this one is cut off or changed")
        }
    }

    /// `$y$`, `j` and one letter each for memory and block size, `$`, salt, `$`, 43 letters of hash: the output of
    /// crypt_gensalt.
    private static func checkYescrypt(_ text: [UInt8]) throws(StoredHashError) {
        let fields = text.dropFirst(3).split(separator: dollar, maxSplits: 3, omittingEmptySubsequences: false)
        guard fields.count == 3, fields[0].allSatisfy(isLetter), fields[1].count <= 86,
            fields[1].allSatisfy(isLetter), fields[2].count == 43, fields[2].allSatisfy(isLetter)
        else {
            throw .malformed("$y$ with parameters, salt and a hash of 43 letters; this one is cut off or changed")
        }
        let parameters = Array(fields[0])
        // `j` is the flavor, then log2(N) from `.` = 1 up to `D` = 16 and r from `.` = 1 up to `T` = 32: 256 MiB.
        guard parameters.count == 3, parameters[0] == UInt8(ascii: "j"), parameters[1] <= UInt8(ascii: "D"),
            parameters[2] <= UInt8(ascii: "T")
        else { throw .unsupported("$y$ as crypt_gensalt(3) makes it, of 256 MiB at most") }
    }

    private static let dollar = UInt8(ascii: "$")

    /// The alphabet `./0-9A-Za-z`, which all these schemes share.
    private static func isLetter(_ octet: UInt8) -> Bool {
        switch octet {
        case UInt8(ascii: ".")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "a")...UInt8(ascii: "z"):
            true
        default: false
        }
    }
}
