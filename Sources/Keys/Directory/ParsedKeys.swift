import OpenSSL
import Synchronization

/// The keys of the last reading of a directory, by the SHA-256 of their files.
///
/// A file with the same content is not parsed again, because checking an RSA key takes longer than the rest of a reading, and
/// a start reads the directory twice.
final class ParsedKeys: Sendable {
    typealias Digest = [UInt8]

    private let keys = Mutex<[Digest: Key]>([:])

    func key(_ digest: Digest) -> Key? { keys.withLock { $0[digest] } }

    func replace(with keys: [Digest: Key]) { self.keys.withLock { $0 = keys } }

    static func digest(_ file: [UInt8]) -> Digest { SHA256.digest(file.span) }
}
