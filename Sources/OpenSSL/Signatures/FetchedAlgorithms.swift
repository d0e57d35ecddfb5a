import COpenSSL

/// Algorithms that are looked up once: OpenSSL 3 otherwise searches its providers in every call.
///
/// `nonisolated(unsafe)` is safe because fetched algorithms are reference-counted, immutable and never freed here.
enum FetchedAlgorithms {
    static nonisolated(unsafe) let sha256 = unsafe fetch(.sha256)
    static nonisolated(unsafe) let sha384 = unsafe fetch(.sha384)
    static nonisolated(unsafe) let sha512 = unsafe fetch(.sha512)

    static func digest(_ hash: HashFunction) -> OpaquePointer {
        switch hash {
        case .sha256: unsafe sha256
        case .sha384: unsafe sha384
        case .sha512: unsafe sha512
        }
    }

    private static func fetch(_ hash: HashFunction) -> OpaquePointer {
        let name = unsafe UnsafeRawPointer(hash.name.utf8Start).assumingMemoryBound(to: CChar.self)
        guard let algorithm = unsafe EVP_MD_fetch(nil, name, nil) else {
            preconditionFailure("\(CryptoError.drained(from: "EVP_MD_fetch"))")
        }
        return unsafe algorithm
    }
}
