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
/// once, and copied for every message (EVP_MD_CTX_copy_ex).
///
/// OpenSSL's own HMAC does the same internally, but EVP_MAC adds two layers and a search for parameters by name, which
/// take a tenth of the time for a token.
@safe package final class MACContext {
    package let tagByteCount: Int

    private let inner: HashContext
    private let outer: HashContext
    private let work: HashContext

    package init(_ key: MACKey) throws(CryptoError) {
        tagByteCount = key.hash.byteCount
        (inner, outer, work) = (HashContext(key.hash), HashContext(key.hash), HashContext(key.hash))
        let isReady = key.withBlock { block in inner.hasRead(block, 0x36) && outer.hasRead(block, 0x5c) }
        guard isReady else { throw .drained(from: "EVP_DigestUpdate") }
    }

    package func authenticate(_ message: Span<UInt8>) throws(CryptoError) -> Digest {
        let (inner, outer, work) = unsafe (inner.raw, outer.raw, work.raw)
        var tag = Digest(byteCount: tagByteCount)
        let isDone = unsafe message.withUnsafeBufferPointer { message in
            unsafe tag.withRoom { tag in
                unsafe EVP_MD_CTX_copy_ex(work, inner) == 1
                    && EVP_DigestUpdate(work, message.baseAddress, message.count) == 1
                    && EVP_DigestFinal_ex(work, tag.baseAddress, nil) == 1
                    && EVP_MD_CTX_copy_ex(work, outer) == 1
                    && EVP_DigestUpdate(work, tag.baseAddress, tagByteCount) == 1
                    && EVP_DigestFinal_ex(work, tag.baseAddress, nil) == 1
            }
        }
        guard isDone else { throw .drained(from: "EVP_Digest") }
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

extension HashContext {
    /// Hashes a key's block with every byte XORed with `padding`; returns whether that succeeded.
    fileprivate func hasRead(_ block: Span<UInt8>, _ padding: UInt8) -> Bool {
        let padded = Secret(block.indices.map { block[$0] ^ padding })
        return padded.withBytes { padded in
            unsafe padded.withUnsafeBufferPointer { unsafe EVP_DigestUpdate(raw, $0.baseAddress, $0.count) == 1 }
        }
    }
}
