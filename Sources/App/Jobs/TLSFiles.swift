import Accounts
import Glibc
import Keys
package import OpenSSL
package import Platform

/// The PEM files of the certificate, its private key and the authorities of client certificates.
package struct TLSFiles: Equatable, Sendable {
    private static let byteCountMax = 1 << 20
    /// Validity of a self-signed certificate, in days.
    private static let selfSignedDays: Int32 = 90

    package let certificatePath: String
    package let keyPath: String
    /// If nil, clients need no certificate.
    package let clientAuthoritiesPath: String?
    /// Whether to create a self-signed certificate if there is none, for development.
    package let isSelfSigned: Bool
    /// Whether HTTP/2 is offered.
    package let speaksHTTP2: Bool

    package init(
        certificatePath: String, keyPath: String, clientAuthoritiesPath: String?, isSelfSigned: Bool = false,
        speaksHTTP2: Bool = true
    ) {
        self.certificatePath = certificatePath
        self.keyPath = keyPath
        self.clientAuthoritiesPath = clientAuthoritiesPath
        self.isSelfSigned = isSelfSigned
        self.speaksHTTP2 = speaksHTTP2
    }

    /// The paths of the self-signed certificate and key in the state directory.
    package static func selfSigned(
        in state: String, clientAuthoritiesPath: String?, speaksHTTP2: Bool = true
    ) -> TLSFiles {
        TLSFiles(
            certificatePath: state + "/dev-tls.crt", keyPath: state + "/dev-tls.key",
            clientAuthoritiesPath: clientAuthoritiesPath, isSelfSigned: true, speaksHTTP2: speaksHTTP2)
    }

    /// Reads the files and checks that they belong together.
    ///
    /// - Throws: a message that names the file, also if other users may read the private key.
    package func load(now: UnixMilliseconds) throws(StartError) -> TLSContext {
        let certificates = try Self.read(certificatePath)
        if let facts = SecretFileRule.Facts(keyPath),
            let fault = SecretFileRule.ofProcess.fault(ofFile: keyPath, facts)
        {
            throw StartError(description: fault)
        }
        let key = try Self.read(keyPath)
        var authorities: [UInt8]?
        if let clientAuthoritiesPath { authorities = try Self.read(clientAuthoritiesPath) }
        do {
            return try TLSContext(
                certificates: certificates, privateKey: key, clientAuthorities: authorities,
                speaksHTTP2: speaksHTTP2, now: now.seconds)
        } catch {
            throw StartError(description: "\(path(of: error)): \(error)")
        }
    }

    /// Creates the self-signed certificate unless a usable one is valid for at least another day.
    ///
    /// - Returns: whether a new one was created.
    package func fill(now: UnixMilliseconds) throws(StartError) -> Bool {
        if FileStamp(certificatePath).exists, FileStamp(keyPath).exists {
            // The load that follows reports every other mistake in an existing certificate or key.
            do {
                _ = try TLSContext(
                    certificates: Self.read(certificatePath), privateKey: Self.read(keyPath), clientAuthorities: nil,
                    now: now.seconds.adding(seconds: 86_400))
                return false
            } catch CryptoError.certificateExpired {
            } catch {
                return false
            }
        }
        do {
            let pair = try SelfSignedPair(now: now.seconds, days: Self.selfSignedDays)
            try AtomicFile.replace(keyPath, with: pair.privateKey, mode: 0o600)
            try AtomicFile.replace(certificatePath, with: pair.certificate, mode: 0o644)
        } catch {
            throw StartError(
                description: "\(certificatePath): could not create a self-signed certificate: \(error)",
                mayPass: (error as? FileError)?.mayPass ?? false)
        }
        return true
    }

    /// Whether certificate and key belong together and only the validity period is wrong.
    func isOutOfDate(now: UnixMilliseconds) -> Bool {
        do throws(StartError) {
            return TLSContext.isOutOfDate(
                certificates: try Self.read(certificatePath), privateKey: try Self.read(keyPath), now: now.seconds)
        } catch {
            return false
        }
    }

    /// A value that changes when one of the files changes.
    package func stamp() -> [FileStamp] {
        [certificatePath, keyPath, clientAuthoritiesPath ?? ""].map { FileStamp($0) }
    }

    private func path(of fault: CryptoError) -> String {
        switch fault {
        case .certificate, .certificateExpired, .certificateNotYetValid: certificatePath
        case .keyMismatch: "\(keyPath) and \(certificatePath)"
        case .authorities: clientAuthoritiesPath ?? certificatePath
        case .privateKey: keyPath
        case .library, .secretTooShort, .modulusSize, .publicExponent, .predictableModulus, .coordinateSize,
            .notOnCurve, .ed25519Size,
            .smallOrder, .algorithmMismatch, .unusableKey, .inconsistent:
            certificatePath
        }
    }

    private static func read(_ path: String) throws(StartError) -> [UInt8] {
        do throws(FileError) {
            return try AtomicFile.read(path, byteCountMax: byteCountMax)
        } catch {
            throw StartError(error)
        }
    }
}
