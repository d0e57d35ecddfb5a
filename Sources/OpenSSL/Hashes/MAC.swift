import COpenSSL
import Encoding
import Platform

/// A secret for HMAC with one hash function (HS256, HS384 or HS512), shared by all threads.
package final class MACKey: Sendable {
    package let hash: HashFunction
    private let secret: Secret

    /// - Throws: `.secretTooShort` below the hash's length (RFC 7518 §3.2).
    package init(_ octets: consuming [UInt8], for hash: HashFunction = .sha256) throws(CryptoError) {
        guard octets.count >= hash.byteCount else {
            throw .secretTooShort(byteCount: octets.count, byteCountMin: hash.byteCount)
        }
        self.hash = hash
        secret = Secret(octets)
    }

    /// Returns a copy of the secret, for writing the key's own file.
    package func bytes() -> [UInt8] { secret.octets }

    func withOctets<Result>(_ body: (Span<UInt8>) -> Result) -> Result {
        secret.withBytes(body)
    }

    /// Passes the secret, or the hash of a secret longer than the hash's block, padded with zeros to a block.
    func withBlock<Result>(_ body: (Span<UInt8>) -> Result) -> Result {
        withOctets { secret in
            var block = [UInt8](repeating: 0, count: hash.blockByteCount)
            if secret.count <= block.count {
                block.replace(from: 0, with: secret)
            } else {
                var digest = HashContext(hash).digest(secret)
                block.replace(from: 0, with: digest.span)
                digest.overwrite()
            }
            return Secret(consume block).withBytes(body)
        }
    }
}

/// Computes HMAC under one key on one thread (RFC 2104 §2): the hash states after the two padded keys are computed
/// once, and copied for every message.
///
/// OpenSSL's own HMAC does the same internally. EVP_MAC adds two layers and a search for parameters by name, and EVP_MD_CTX
/// allocates memory for every copy; both take longer than the rest of a short message.
@safe package final class MACContext {
    package let tagByteCount: Int

    /// Owned, never resized: the states after the inner and the outer key, and the one of the message.
    private let states: UnsafeMutablePointer<martlet_hash>
    private static let stateCount = 3

    package init(_ key: MACKey) throws(CryptoError) {
        tagByteCount = key.hash.byteCount
        unsafe states = .allocate(capacity: Self.stateCount)
        unsafe states.initialize(repeating: martlet_hash(), count: Self.stateCount)
        let isReady = key.withBlock { block in
            unsafe Self.begin(states, key.hash, block, 0x36) && Self.begin(states + 1, key.hash, block, 0x5c)
        }
        guard isReady else { throw .drained(from: "SHA256_Update") }
    }

    deinit {
        unsafe OPENSSL_cleanse(states, Self.stateCount * MemoryLayout<martlet_hash>.stride)
        unsafe states.deallocate()
    }

    /// Hashes a key's block with every byte XORed with `padding`; returns whether that succeeded.
    private static func begin(
        _ state: UnsafeMutablePointer<martlet_hash>, _ hash: HashFunction, _ block: Span<UInt8>, _ padding: UInt8
    ) -> Bool {
        let padded = Secret(block.indices.map { block[$0] ^ padding })
        return padded.withBytes { padded in
            unsafe padded.withUnsafeBufferPointer { padded in
                unsafe martlet_hash_begin(state, UInt32(hash.byteCount)) == 1
                    && martlet_hash_read(state, padded.baseAddress, padded.count) == 1
            }
        }
    }

    package func authenticate(_ message: Span<UInt8>) throws(CryptoError) -> Digest {
        let (inner, outer, work) = unsafe (states, states + 1, states + 2)
        var tag = Digest(byteCount: tagByteCount)
        let isDone = unsafe message.withUnsafeBufferPointer { message in
            unsafe tag.withRoom { tag in
                unsafe work.update(from: inner, count: 1)
                guard unsafe martlet_hash_read(work, message.baseAddress, message.count) == 1,
                    unsafe martlet_hash_finish(work, tag.baseAddress) == 1
                else { return false }
                unsafe work.update(from: outer, count: 1)
                return unsafe martlet_hash_read(work, tag.baseAddress, tagByteCount) == 1
                    && martlet_hash_finish(work, tag.baseAddress) == 1
            }
        }
        guard isDone else { throw .drained(from: "SHA256_Final") }
        return tag
    }

    /// Returns whether `tag` is the whole tag of `message`, compared in constant time.
    ///
    /// A library error returns false: a tag that was not checked is never accepted.
    package func accepts(_ tag: Span<UInt8>, over message: Span<UInt8>) -> Bool {
        guard tag.count == tagByteCount, let expected = try? authenticate(message) else { return false }
        return ConstantTime.isEqual(tag, expected.span)
    }
}
