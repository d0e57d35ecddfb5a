import Accounts
import Glibc
import Keys
package import OpenSSL
package import Platform

/// The certificate, its key and the clients' authorities as files in PEM.
package struct TLSFiles: Equatable, Sendable {
    private static let byteCountMax = 1 << 20
    /// How long a self-signed pair is good for, in days.
    private static let selfSignedDays: Int32 = 90

    package let certificatePath: String
    package let keyPath: String
    /// Without it, clients need no certificate.
    package let clientAuthoritiesPath: String?
    /// Whether the pair is made where there is none, for trying things out.
    package let isSelfSigned: Bool
    /// Whether clients may choose HTTP/2.
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

    /// Where a self-signed pair lies in the directory of the state.
    package static func selfSigned(
        in state: String, clientAuthoritiesPath: String?, speaksHTTP2: Bool = true
    ) -> TLSFiles {
        TLSFiles(
            certificatePath: state + "/dev-tls.crt", keyPath: state + "/dev-tls.key",
            clientAuthoritiesPath: clientAuthoritiesPath, isSelfSigned: true, speaksHTTP2: speaksHTTP2)
    }

    /// Reads the files and checks that they belong together.
    ///
    /// - Parameter now: milliseconds since 1970.
    /// - Throws: a message that names the file, also for a key that others may read (B22).
    package func load(now: Int64) throws(StartError) -> TLSContext {
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
                speaksHTTP2: speaksHTTP2, now: now / 1_000)
        } catch {
            throw StartError(description: "\(path(of: error)): \(error)")
        }
    }

    /// Makes the self-signed pair unless there is one that can serve for another day.
    ///
    /// - Returns: whether there is a new one.
    package func fill(now: Int64) throws(StartError) -> Bool {
        if FileStamp(certificatePath).exists, FileStamp(keyPath).exists {
            // What is wrong with a pair that is there is told by the load that follows, unless it is its age.
            do {
                _ = try TLSContext(
                    certificates: Self.read(certificatePath), privateKey: Self.read(keyPath), clientAuthorities: nil,
                    now: now / 1_000 + 86_400)
                return false
            } catch CryptoError.certificateExpired {
            } catch {
                return false
            }
        }
        do {
            let pair = try SelfSignedPair(now: now / 1_000, days: Self.selfSignedDays)
            try AtomicFile.replace(keyPath, with: pair.privateKey, mode: 0o600)
            try AtomicFile.replace(certificatePath, with: pair.certificate, mode: 0o644)
        } catch {
            throw StartError(
                description: "\(certificatePath): could not create a self-signed certificate: \(error)",
                mayPass: (error as? FileError)?.mayPass ?? false)
        }
        return true
    }

    /// Whether certificate and key belong together, and only the time is not the certificate's.
    func isOutOfDate(now: Int64) -> Bool {
        do throws(StartError) {
            return TLSContext.isOutOfDate(
                certificates: try Self.read(certificatePath), privateKey: try Self.read(keyPath), now: now / 1_000)
        } catch {
            return false
        }
    }

    /// A value that changes whenever a file does.
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
