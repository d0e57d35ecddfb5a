import Encoding
import Glibc
import OpenSSL
import Platform
import Revocation
import Tokens

/// A denylist with ten thousand entries in a temporary directory, which is removed with it.
final class BenchStore {
    private let path: String
    private let store: RevocationStore

    init() throws {
        path = "/tmp/martlet-bench-\(getpid())"
        guard unsafe mkdir(path, 0o700) == 0 else {
            throw BenchError("\(path) cannot be created")
        }
        let now: UnixMilliseconds = 1_800_000_000_000
        do {
            store = try RevocationStore.open(
                RevocationOptions(
                    directory: path, grace: 0, sessionMax: 86_400_000, clock: WallClock { now }, monotonicNow: { 0 },
                    random: { Random.next64() }))
        } catch {
            unsafe rmdir(path)
            throw error
        }
        for _ in 0..<10_000 {
            store.revokeToken(UUID(high: Random.next64(), low: Random.next64()), expiresAt: now.adding(seconds: 600)) {
                _ in
            }
        }
    }

    func isDenied(_ claims: VerifiedToken, subject: Span<UInt8>, client: Span<UInt8>, kid: Span<UInt8>) -> Bool {
        store.denial(
            jti: claims.jti, sid: claims.sid, issuedAt: claims.issuedAt.milliseconds,
            expiresAt: claims.expiresAt.milliseconds, subject: subject, client: client, kid: kid) != nil
    }

    deinit {
        store.close()
        guard let directory = unsafe opendir(path) else { return }
        defer {
            unsafe closedir(directory)
            unsafe rmdir(path)
        }
        while let entry = unsafe readdir(directory) {
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { name in
                unsafe name.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
            }
            if name != ".", name != ".." { unsafe unlink("\(path)/\(name)") }
        }
    }
}
