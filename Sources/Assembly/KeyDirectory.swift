import Accounts
import CLinux
import Glibc
import Octets
package import Token

/// Why the keys cannot be used or changed: which file, and what is expected of it.
package struct KeyDirectoryFault: Error, Equatable, Sendable, CustomStringConvertible {
    package let description: String
}

/// The directory of private keys: one JWK a file, readable by its owner only.
package struct KeyDirectory: Sendable {
    private static let byteCountMax = 65_536

    let path: String

    package init(path: String) {
        self.path = path
    }

    /// Whether the directory does not exist yet or holds no key.
    package func isEmpty() throws(KeyDirectoryFault) -> Bool {
        try names().isEmpty
    }

    /// Reads every `*.jwk`, living or not.
    /// - Throws: for a file that others may read (B22), that is no key, or a `kid` that stands twice.
    package func read() throws(KeyDirectoryFault) -> KeySet {
        KeySet(try files().map(\.key))
    }

    /// The keyring of the moment `now` (milliseconds).
    /// - Throws: as ``read()``, and for a set that cannot serve.
    package func load(now: Int64) throws(KeyDirectoryFault) -> Keyring {
        try keyring(of: read(), now: now)
    }

    func keyring(of set: KeySet, now: Int64) throws(KeyDirectoryFault) -> Keyring {
        do { return try Keyring(set.living(at: now)) } catch {
            throw KeyDirectoryFault(description: "\(path): \(error)")
        }
    }

    /// Fills an empty directory: a key of each algorithm, an HS256 secret, and the secret of the refresh tokens.
    /// - Returns: the names of the new files.
    package func fill(_ algorithms: [Algorithm] = [.rs256], now: Int64) throws(KeyDirectoryFault) -> [String] {
        guard unsafe mkdir(path, 0o700) == 0 || errno == EEXIST else { throw fault("mkdir", path) }
        let keys: [Key]
        do {
            let access = algorithms.filter { $0 != .hs256 } + [.hs256]
            keys =
                try access.map { (algorithm) throws(KeyFault) in
                    try Key.generate(algorithm, purpose: .access, createdAt: now)
                } + [Key.generate(.hs256, purpose: .refresh, createdAt: now)]
        } catch {
            throw KeyDirectoryFault(description: "\(path): no key could be made: \(error)")
        }
        for key in keys { try write(key, to: Self.name(of: key)) }
        return keys.map(Self.name)
    }

    /// A value that changes whenever a key file does.
    package func stamp() -> [FileStamp] {
        ((try? names()) ?? []).map { FileStamp(path + "/" + $0) }
    }

    func files() throws(KeyDirectoryFault) -> [(name: String, key: Key)] {
        var files: [(name: String, key: Key)] = []
        var kids: Set<String> = []
        for name in try names() {
            let key = try read(path + "/" + name)
            guard kids.insert(key.kid).inserted else {
                throw KeyDirectoryFault(description: "\(path): \(KeyFault.duplicateKid(key.kid))")
            }
            files.append((name, key))
        }
        return files
    }

    func write(_ key: Key, to name: String) throws(KeyDirectoryFault) {
        let file = path + "/" + name
        do {
            try AtomicFile.replace(file, with: key.privateJWK(), mode: 0o600)
        } catch {
            throw KeyDirectoryFault(description: "\(file): \(error)")
        }
    }

    /// What a new key's file is called.
    static func name(of key: Key) -> String {
        let kind = key.purpose == .refresh ? "refresh" : "access-\(key.algorithm.rawValue.lowercased())"
        let isPlain = key.kid.utf8.allSatisfy { octet in
            (0x30...0x39).contains(octet) || (0x61...0x7a).contains(octet | 0x20) || octet == 0x2d || octet == 0x5f
        }
        // A name that somebody else gave may hold slashes and dots.
        return "\(kind)-\(isPlain ? key.kid : Base64URL.encode(Array(key.kid.utf8))).jwk"
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

    func fault(_ call: String, _ file: String) -> KeyDirectoryFault {
        KeyDirectoryFault(description: "\(file): \(call): \(Directory.errorText(errno))")
    }
}
