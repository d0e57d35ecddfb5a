import COpenSSL

/// Algorithms looked up once: OpenSSL 3 otherwise searches its providers in every call.
///
/// `nonisolated(unsafe)` holds because fetched algorithms are reference-counted, immutable and never freed here.
enum FetchedAlgorithms {
    static nonisolated(unsafe) let sha256: OpaquePointer = {
        guard let algorithm = unsafe EVP_MD_fetch(nil, "SHA256", nil) else {
            preconditionFailure("\(CryptoFault.drained(from: "EVP_MD_fetch"))")
        }
        return unsafe algorithm
    }()

    static nonisolated(unsafe) let hmac: OpaquePointer = {
        guard let algorithm = unsafe EVP_MAC_fetch(nil, "HMAC", nil) else {
            preconditionFailure("\(CryptoFault.drained(from: "EVP_MAC_fetch"))")
        }
        return unsafe algorithm
    }()
}
