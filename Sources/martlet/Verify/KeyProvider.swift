import Accounts
import Glibc
import HTTPClient
import JOSE
import Keys
import Platform
import Tokens

/// Provides the trusted keys of a command, and fetches them once more if a `kid` is unknown.
final class KeyProvider {
    /// Why there are no keys.
    enum Fault: Error, Equatable {
        /// The file is invalid.
        case file(String)
        /// No result is possible, because of the network or an invalid response.
        case unknown(code: String, reason: String)
    }

    private static let fileByteCountMax = 1_048_576

    private let from: VerifyOptions.Keys
    private let algorithm: Algorithm?
    private let encoding: SecretEncoding?
    private let source: DocumentSource
    private(set) var keys: VerificationKeySet?
    /// Whether the keys have just been fetched, so that fetching again cannot change anything.
    private(set) var isConfirmed = false
    /// Whether the keys are older than their cache lifetime.
    private(set) var isStale = false

    init(
        _ from: VerifyOptions.Keys, algorithm: Algorithm?, encoding: SecretEncoding?, source: DocumentSource
    ) throws(Fault) {
        self.from = from
        self.algorithm = algorithm
        self.encoding = encoding
        self.source = source
        try load(isConfirming: false)
    }

    /// Fetches the newest keys from the server, once.
    func confirm() throws(Fault) {
        guard !isConfirmed else { return }
        try load(isConfirming: true)
    }

    private func load(isConfirming: Bool) throws(Fault) {
        switch from {
        case .file(let path): try load(file: path)
        case .url(let address): try load(address, isConfirming: isConfirming)
        case .issuer(let issuer): try load(ofIssuer: issuer, isConfirming: isConfirming)
        case .server: isConfirmed = true
        }
    }

    /// If the key set is not at the address in cached metadata, the issuer may have moved it.
    private func load(ofIssuer issuer: String, isConfirming: Bool) throws(Fault) {
        let address = try keySetAddress(of: issuer, usesCopies: true)
        var failure: Fault?
        do throws(Fault) {
            try load(address, isConfirming: isConfirming)
            // A cached copy is not an answer of the server.
            guard isConfirming, isStale else { return }
        } catch {
            failure = error
        }
        if let newest = try? keySetAddress(of: issuer, usesCopies: false), newest != address {
            return try load(newest, isConfirming: isConfirming)
        }
        if let failure { throw failure }
    }

    private func load(file path: String) throws(Fault) {
        do {
            let file = try AtomicFile.read(path, byteCountMax: Self.fileByteCountMax)
            let bytes = try SecretEncoding.keyBytes(in: file, algorithm, encoding, name: path)
            keys = try VerificationKeySet(parsing: bytes.span, algorithm: algorithm)
            isConfirmed = true
        } catch CommandError.usage(let reason) {
            throw .file(reason)
        } catch {
            throw .file("\(Printable.short(path)): \(error)")
        }
    }

    private func load(_ address: WebAddress, isConfirming: Bool) throws(Fault) {
        let document: DocumentSource.Document
        do throws(FetchError) {
            document = try source.document(at: address, isConfirming: isConfirming)
        } catch {
            throw Self.unreachable(error)
        }
        do throws(KeyError) {
            let body = TextBytes.withoutByteOrderMark(document.body)
            let fetched = try VerificationKeySet(parsing: body.span, algorithm: algorithm)
            // A published secret proves nothing.
            guard !fetched.keys.contains(where: \.algorithm.isMAC) else { throw .mixedSet }
            keys = fetched
        } catch {
            throw .unknown(code: "keys_unusable", reason: "\(address.text): \(error)")
        }
        (isConfirmed, isStale) = (document.isConfirmed || document.isStale, document.isStale)
    }

    /// Cached metadata is preferred, whichever of its two locations it came from; a location without any is skipped.
    ///
    /// - Parameter usesCopies: whether cached metadata may be used without a request.
    private func keySetAddress(of issuer: String, usesCopies: Bool) throws(Fault) -> WebAddress {
        let discovery: IssuerDiscovery
        do throws(FetchError) { discovery = try IssuerDiscovery(issuer: issuer) } catch {
            throw Self.unreachable(error)
        }
        for candidate in usesCopies ? discovery.candidates : [] {
            guard let copy = source.freshCopy(of: candidate) else { continue }
            let metadata = TextBytes.withoutByteOrderMark(copy.body)
            if let address = try? discovery.keySetAddress(in: metadata) { return address }
        }
        var missing: Fault?
        var unusable: Fault?
        for candidate in discovery.candidates {
            do throws(FetchError) {
                let document = try source.document(at: candidate, isConfirming: !usesCopies)
                do throws(DiscoveryError) {
                    return try discovery.keySetAddress(in: TextBytes.withoutByteOrderMark(document.body))
                } catch {
                    unusable = unusable ?? .unknown(code: "issuer_unusable", reason: "\(candidate.text): \(error)")
                }
            } catch {
                // If the server is unreachable at one location, it is unreachable at the other too.
                guard case .status = error else { throw Self.unreachable(error) }
                missing = missing ?? Self.unreachable(error)
            }
        }
        throw unusable ?? missing ?? .unknown(code: "issuer_unusable", reason: "\(issuer) publishes no metadata")
    }

    private static func unreachable(_ fault: FetchError) -> Fault {
        .unknown(code: "keys_unreachable", reason: fault.description)
    }
}
