import CArgon2

/// The variants of Argon2, by their names in stored hashes. New hashes are Argon2id.
package enum Argon2Variant: String, Sendable {
    case id = "argon2id"
    case i = "argon2i"
    case d = "argon2d"
}

/// Computes Argon2, version 1.3 (RFC 9106), with libargon2.
package enum Argon2 {
    /// Wraps `argon2id_ctx`, `argon2i_ctx` and `argon2d_ctx`.
    ///
    /// Lanes are filled one after the other: a hash uses one thread, so the size of the pool limits the processors that
    /// logins use.
    /// - Parameter byteCount: the length of the tag, at least 4.
    package static func derive(
        password: [UInt8], salt: [UInt8], secret: [UInt8] = [], associatedData: [UInt8] = [],
        variant: Argon2Variant = .id, cost: Argon2Parameters, byteCount: Int
    ) throws(AccountsError) -> [UInt8] {
        guard let passes = UInt32(exactly: cost.passes), let memory = UInt32(exactly: cost.memoryKiB),
            let lanes = UInt32(exactly: cost.lanes)
        else { throw .invalid(field: "cost", expected: "numbers of 32 bits") }
        var tag = [UInt8](repeating: 0, count: max(byteCount, 0))
        // The library only reads through these pointers, although they are not const: without flags it clears nothing
        // of the caller's.
        let status = unsafe tag.withUnsafeMutableBufferPointer { tag in
            unsafe password.withUnsafeBufferPointer { password in
                unsafe salt.withUnsafeBufferPointer { salt in
                    unsafe secret.withUnsafeBufferPointer { secret in
                        unsafe associatedData.withUnsafeBufferPointer { associatedData in
                            var context = unsafe argon2_context(
                                out: tag.baseAddress, outlen: UInt32(clamping: tag.count),
                                pwd: UnsafeMutablePointer(mutating: password.baseAddress),
                                pwdlen: UInt32(clamping: password.count),
                                salt: UnsafeMutablePointer(mutating: salt.baseAddress),
                                saltlen: UInt32(clamping: salt.count),
                                secret: UnsafeMutablePointer(mutating: secret.baseAddress),
                                secretlen: UInt32(clamping: secret.count),
                                ad: UnsafeMutablePointer(mutating: associatedData.baseAddress),
                                adlen: UInt32(clamping: associatedData.count),
                                t_cost: passes, m_cost: memory, lanes: lanes, threads: 1,
                                version: UInt32(ARGON2_VERSION_13.rawValue),
                                allocate_cbk: argon2Allocate, free_cbk: argon2Free, flags: 0)
                            return switch variant {
                            case .id: unsafe argon2id_ctx(&context)
                            case .i: unsafe argon2i_ctx(&context)
                            case .d: unsafe argon2d_ctx(&context)
                            }
                        }
                    }
                }
            }
        }
        guard status == ARGON2_OK.rawValue else { throw .hashing(call: "\(variant.rawValue)_ctx", code: status) }
        return tag
    }
}
