import COpenSSL
import Encoding

/// A digest of up to 64 bytes, or a MAC based on one; stored on the stack.
package struct Digest: Sendable {
    private var storage = InlineArray<64, UInt8>(repeating: 0)
    package let byteCount: Int

    init(byteCount: Int) {
        self.byteCount = byteCount
    }

    package var span: Span<UInt8> {
        @_lifetime(borrow self)
        get { storage.span.extracting(first: byteCount) }
    }

    package var octets: [UInt8] { [UInt8](span) }

    mutating func withRoom<Result>(_ body: (UnsafeMutableBufferPointer<UInt8>) -> Result) -> Result {
        var room = storage.mutableSpan
        return unsafe room.withUnsafeMutableBufferPointer { unsafe body($0) }
    }

    /// Overwrites a digest that must be kept secret (OPENSSL_cleanse).
    mutating func overwrite() {
        unsafe withRoom { unsafe OPENSSL_cleanse($0.baseAddress, $0.count) }
    }
}

extension Digest: Equatable {
    package static func == (left: Digest, right: Digest) -> Bool { left.octets == right.octets }
}

/// Hashes with one function on one thread; allocated once (EVP_DigestInit_ex2 without a fetch).
///
/// Hashing fails only if memory runs out, whatever the message is; that ends the process.
@safe final class HashContext {
    let raw: OpaquePointer
    private let byteCount: Int

    init(_ hash: HashFunction) {
        guard let raw = unsafe EVP_MD_CTX_new(),
            unsafe EVP_DigestInit_ex2(raw, FetchedAlgorithms.digest(hash), nil) == 1
        else {
            preconditionFailure("OpenSSL lacks a hash function: \(CryptoError.drainedReason())")
        }
        unsafe self.raw = raw
        byteCount = hash.byteCount
    }

    deinit { unsafe EVP_MD_CTX_free(raw) }

    func digest(_ message: Span<UInt8>) -> Digest {
        let raw = unsafe raw
        var digest = Digest(byteCount: byteCount)
        // A nil algorithm reuses the previous one without a lookup.
        let isBegun = unsafe EVP_DigestInit_ex2(raw, nil, nil) == 1
        let isRead = unsafe message.withUnsafeBufferPointer {
            unsafe EVP_DigestUpdate(raw, $0.baseAddress, $0.count) == 1
        }
        let isDone = unsafe digest.withRoom { unsafe EVP_DigestFinal_ex(raw, $0.baseAddress, nil) == 1 }
        guard isBegun, isRead, isDone else {
            preconditionFailure("\(CryptoError.drained(from: "EVP_Digest"))")
        }
        return digest
    }
}
