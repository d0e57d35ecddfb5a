import Encoding

/// What comparing a password with a stored hash said.
package enum PasswordVerdict: Equatable, Sendable {
    /// The password is right; `isWeaker` asks for ``PasswordHasher/hash(_:salt:)`` now that it is at hand (F7).
    case match(isWeaker: Bool)
    case mismatch
    /// The hash is of a kind, or at a cost, that is not accepted here; no password is right.
    case unsupported
}

/// Hashes passwords with Argon2id, and compares them with hashes of these schemes (F6 to F12):
/// `$argon2id$`, `$2a$ $2b$ $2y$` bcrypt, `$y$` yescrypt and `$6$` SHA-512.
///
/// A password is octets: nothing is normalised, trimmed or cut. Every call takes its time; call on a ``HashingPool``.
package struct PasswordHasher: Sendable {
    /// How long a password may be. Longer ones are never hashed (F9).
    package static let passwordByteCounts = 1...1_024
    package static let saltByteCount = Argon2Hash.saltByteCount

    /// Makes the tag of a password: ``Argon2id``'s, or what a test counts calls with.
    package typealias Derive =
        @Sendable (_ password: [UInt8], _ salt: [UInt8], _ cost: Argon2Parameters, _ byteCount: Int)
        throws(AccountsError) -> [UInt8]

    package let parameters: Argon2Parameters
    private let nobody: Argon2Hash
    private let derive: Derive

    /// - Parameter parameters: what new hashes cost; see ``Argon2Parameters/isAdequate``.
    package init(parameters: Argon2Parameters = .standard) {
        self.init(parameters: parameters) { (password, salt, cost, byteCount) throws(AccountsError) in
            try Argon2id.derive(password: password, salt: salt, cost: cost, byteCount: byteCount)
        }
    }

    package init(parameters: Argon2Parameters, derive: @escaping Derive) {
        self.parameters = parameters
        self.derive = derive
        // No password leads to a tag of zeros, short of a break of BLAKE2b; the answer is ignored all the same.
        nobody = Argon2Hash(
            cost: parameters, salt: [UInt8](repeating: 0, count: Argon2Hash.saltByteCount),
            tag: [UInt8](repeating: 0, count: Argon2Hash.tagByteCount))
    }

    /// The PHC string to store.
    /// - Parameter salt: ``saltByteCount`` random octets, new for each hash.
    /// - Throws: `.invalid` for a password or salt of a wrong length, `.hashing` if there is no memory.
    package func hash(_ password: [UInt8], salt: [UInt8]) throws(AccountsError) -> String {
        guard Self.passwordByteCounts.contains(password.count) else {
            throw .invalid(field: "password", expected: "1 to 1024 octets")
        }
        guard salt.count == Self.saltByteCount else { throw .invalid(field: "salt", expected: "16 octets") }
        let tag = try derive(password, salt, parameters, Argon2Hash.tagByteCount)
        return Argon2Hash(cost: parameters, salt: salt, tag: tag).text
    }

    /// Compares in constant time; a hash that makes no sense is a mismatch, at once (F12).
    /// - Throws: `.hashing` if there is no memory: nothing is known about the password then.
    package func verify(_ password: [UInt8], against stored: String) throws(AccountsError) -> PasswordVerdict {
        guard password.count <= Self.passwordByteCounts.upperBound else { return .mismatch }
        let text = Array(stored.utf8)
        let hash: Argon2Hash
        do throws(StoredHashError) {
            guard text.starts(with: "$argon2".utf8) else {
                return try CryptHash(text).accepts(password) ? .match(isWeaker: true) : .mismatch
            }
            hash = try Argon2Hash(text)
        } catch .unsupported {
            return .unsupported
        } catch {
            return .mismatch
        }
        return try accepts(password, hash) ? .match(isWeaker: hash.isWeaker(than: parameters)) : .mismatch
    }

    /// Takes the time that ``verify(_:against:)`` takes for a user with a hash of the live parameters (F3).
    /// - Throws: `.hashing` if there is no memory.
    package func verifyNobody(_ password: [UInt8]) throws(AccountsError) {
        guard password.count <= Self.passwordByteCounts.upperBound else { return }
        _ = try accepts(password, nobody)
    }

    /// Whether a stored hash could ever match: of a known scheme, well formed and within the bounds on cost.
    package static func isUsable(_ stored: String) -> Bool {
        let text = Array(stored.utf8)
        if text.starts(with: "$argon2".utf8) { return (try? Argon2Hash(text)) != nil }
        return (try? CryptHash(text)) != nil
    }

    /// Bytes that comparing a password with a stored hash takes; 0 where it is little.
    package static func memory(of stored: String) -> Int {
        let text = Array(stored.utf8)
        if text.starts(with: "$argon2".utf8) { return (try? Argon2Hash(text)).map { $0.cost.memoryKiB << 10 } ?? 0 }
        return (try? CryptHash(text))?.memory ?? 0
    }

    private func accepts(_ password: [UInt8], _ hash: Argon2Hash) throws(AccountsError) -> Bool {
        let made = try derive(password, hash.salt, hash.cost, hash.tag.count)
        return ConstantTime.isEqual(made.span, hash.tag.span)
    }
}
