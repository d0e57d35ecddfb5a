import Accounts
import CLinux
import Glibc
import Octets
package import Token

/// Why the keys cannot be used: which file, and what is expected of it.
package struct KeyDirectoryFault: Error, Equatable, Sendable, CustomStringConvertible {
    package let description: String
}

/// The directory of private keys: one JWK a file, readable by its owner only.
package struct KeyDirectory: Sendable {
    private static let byteCountMax = 65_536

    private let path: String

    package init(path: String) {
        self.path = path
    }

    /// Whether the directory does not exist yet or holds no key.
    package func isEmpty() throws(KeyDirectoryFault) -> Bool {
        try names().isEmpty
    }

    /// Reads every `*.jwk`.
    /// - Throws: for a file that others may read (B22), that is no key, or a set that cannot serve.
    package func load() throws(KeyDirectoryFault) -> Keyring {
        var keys: [Key] = []
        for name in try names() {
            keys.append(try read(path + "/" + name))
        }
        do {
            return try Keyring(keys)
        } catch {
            throw KeyDirectoryFault(description: "\(path): \(error)")
        }
    }

    /// Fills an empty directory: an RS256 pair, an HS256 secret, and the secret of the refresh tokens.
    /// - Returns: the names of the new files.
    package func fill(now: Int64) throws(KeyDirectoryFault) -> [String] {
        guard unsafe mkdir(path, 0o700) == 0 || errno == EEXIST else { throw fault("mkdir", path) }
        let keys: [(String, Key)]
        do {
            keys = [
                ("access-rs256", try Key.generate(.rs256, purpose: .access, createdAt: now)),
                ("access-hs256", try Key.generate(.hs256, purpose: .access, createdAt: now)),
                ("refresh", try Key.generate(.hs256, purpose: .refresh, createdAt: now)),
            ]
        } catch {
            throw KeyDirectoryFault(description: "\(path): no key could be made: \(error)")
        }
        for (prefix, key) in keys {
            let file = "\(path)/\(prefix)-\(key.kid).jwk"
            do {
                try AtomicFile.replace(file, with: key.privateJWK(), mode: 0o600)
            } catch {
                throw KeyDirectoryFault(description: "\(file): \(error)")
            }
        }
        return keys.map { "\($0.0)-\($0.1.kid).jwk" }
    }

    /// A value that changes whenever a key file does.
    package func stamp() -> [FileStamp] {
        ((try? names()) ?? []).map { FileStamp(path + "/" + $0) }
    }

    private func read(_ file: String) throws(KeyDirectoryFault) -> Key {
        let stamp = FileStamp(file)
        guard stamp.mode & 0o077 == 0 else {
            let mode = String(stamp.mode & 0o777, radix: 8)
            throw KeyDirectoryFault(
                description: "\(file): others may read it (mode 0\(mode)); expected 0600: chmod 600 \(file)")
        }
        do {
            let bytes = try AtomicFile.read(file, byteCountMax: Self.byteCountMax)
            return try Key(parsing: bytes.span)
        } catch {
            throw KeyDirectoryFault(description: "\(file): \(error)")
        }
    }

    private func names() throws(KeyDirectoryFault) -> [String] {
        do throws(DirectoryFault) {
            return try Directory.names(in: path).filter { $0.hasSuffix(".jwk") && !$0.hasPrefix(".") }
        } catch {
            if error.code == ENOENT { return [] }
            throw KeyDirectoryFault(description: "\(path): \(error.text)")
        }
    }

    private func fault(_ call: String, _ file: String) -> KeyDirectoryFault {
        KeyDirectoryFault(description: "\(file): \(call): \(Directory.errorText(errno))")
    }
}
