import Encoding

/// The result of comparing a password with a stored hash.
package enum PasswordVerdict: Equatable, Sendable {
    /// The password is correct; `isWeaker` means that it should be hashed again with ``PasswordHasher/hash(_:salt:)``.
    case match(isWeaker: Bool)
    case mismatch
    /// The scheme or the cost of the hash is not supported; no password matches.
    case unsupported
}

/// Hashes passwords with Argon2id, and compares them with hashes of the schemes of ``StoredHash``.
///
/// A password is bytes: nothing is normalized, trimmed or truncated. Every call is slow; call it on a ``HashingPool``.
package struct PasswordHasher: Sendable {
    /// The allowed length of a password in bytes. Longer passwords are never hashed.
    package static let passwordByteCounts = 1...1_024
    package static let saltByteCount = Argon2Hash.saltByteCount

    /// Computes the tag of a password: ``Argon2``'s function, or one with which a test counts the calls.
    package typealias Derive =
        @Sendable (_ password: [UInt8], _ salt: [UInt8], _ cost: Argon2Parameters, _ byteCount: Int)
        throws(AccountsError) -> [UInt8]

    package let parameters: Argon2Parameters
    private let nobody: Argon2Hash
    private let derive: Derive

    /// - Parameter parameters: the cost of new hashes; see ``Argon2Parameters/isAdequate``.
    package init(parameters: Argon2Parameters = .standard) {
        self.init(parameters: parameters) { (password, salt, cost, byteCount) throws(AccountsError) in
            try Argon2.derive(password: password, salt: salt, cost: cost, byteCount: byteCount)
        }
    }

    package init(parameters: Argon2Parameters, derive: @escaping Derive) {
        self.parameters = parameters
        self.derive = derive
        // No known password gives a tag of zeros, and the result is ignored in any case.
        nobody = Argon2Hash(
            cost: parameters, salt: [UInt8](repeating: 0, count: Argon2Hash.saltByteCount),
            tag: [UInt8](repeating: 0, count: Argon2Hash.tagByteCount))
    }

    /// Returns the PHC string to store.
    /// - Parameter salt: ``saltByteCount`` random bytes, new for each hash.
    /// - Throws: `.invalid` for a password or salt of a wrong length, `.hashing` if memory runs out.
    package func hash(_ password: [UInt8], salt: [UInt8]) throws(AccountsError) -> String {
        guard Self.passwordByteCounts.contains(password.count) else {
            throw .invalid(field: "password", expected: "1 to 1024 bytes")
        }
        guard salt.count == Self.saltByteCount else { throw .invalid(field: "salt", expected: "16 bytes") }
        let tag = try derive(password, salt, parameters, Argon2Hash.tagByteCount)
        return Argon2Hash(cost: parameters, salt: salt, tag: tag).text
    }

    /// Compares in constant time; a malformed hash is a mismatch, reported without hashing.
    /// - Throws: `.hashing` if memory runs out; the password may then be correct or not.
    package func verify(_ password: [UInt8], against stored: String) throws(AccountsError) -> PasswordVerdict {
        guard password.count <= Self.passwordByteCounts.upperBound else { return .mismatch }
        let hash: StoredHash
        do throws(StoredHashError) { hash = try StoredHash(stored) } catch .unsupported {
            return .unsupported
        } catch {
            return .mismatch
        }
        switch hash {
        case .argon2(let hash):
            return try accepts(password, hash) ? .match(isWeaker: hash.isWeaker(than: parameters)) : .mismatch
        case .pbkdf2(let hash): return try hash.accepts(password) ? .match(isWeaker: true) : .mismatch
        case .scrypt(let hash): return try hash.accepts(password) ? .match(isWeaker: true) : .mismatch
        case .crypt(let hash): return hash.accepts(password) ? .match(isWeaker: true) : .mismatch
        }
    }

    /// Takes as long as ``verify(_:against:)`` takes for a user with a hash of the current parameters, so that the time
    /// does not disclose which users exist.
    /// - Throws: `.hashing` if memory runs out.
    package func verifyNobody(_ password: [UInt8]) throws(AccountsError) {
        guard password.count <= Self.passwordByteCounts.upperBound else { return }
        _ = try accepts(password, nobody)
    }

    /// Returns whether a password can match the stored hash: a supported scheme, well formed, with an acceptable cost.
    package static func isUsable(_ stored: String) -> Bool { expectation(of: stored) == nil }

    /// Returns what is expected instead of a hash that no password can match, as a text that completes "expected";
    /// `nil` for a usable hash. It contains no part of the hash.
    package static func expectation(of stored: String) -> String? {
        do throws(StoredHashError) { _ = try StoredHash(stored) } catch { return error.expected }
        return nil
    }

    /// Returns the bytes of memory that comparing a password with a stored hash needs; 0 if it is little.
    package static func memory(of stored: String) -> Int { (try? StoredHash(stored))?.memory ?? 0 }

    private func accepts(_ password: [UInt8], _ hash: Argon2Hash) throws(AccountsError) -> Bool {
        let made =
            if hash.variant == .id { try derive(password, hash.salt, hash.cost, hash.tag.count) } else {
                try Argon2.derive(
                    password: password, salt: hash.salt, variant: hash.variant, cost: hash.cost,
                    byteCount: hash.tag.count)
            }
        return ConstantTime.isEqual(made.span, hash.tag.span)
    }
}
