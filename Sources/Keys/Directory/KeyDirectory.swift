import CLinux
import Encoding
import Glibc
package import JOSE
package import Platform

/// Why the keys cannot be used or changed: which file, and what is expected of it.
package struct KeyDirectoryError: Error, Equatable, Sendable, CustomStringConvertible {
    package let description: String
    /// Whether the same command may succeed later without a change to a setting or a file.
    package let mayPass: Bool

    package init(description: String, mayPass: Bool = false) {
        self.description = description
        self.mayPass = mayPass
    }

    init(_ error: FileError) {
        self.init(description: error.description, mayPass: error.mayPass)
    }
}

/// The directory of private keys: one JWK a file, readable by its owner only.
package struct KeyDirectory: Sendable {
    private static let byteCountMax = 65_536

    package let path: String
    private let rule: SecretFileRule?
    private let parsed = ParsedKeys()

    /// - Parameter rule: who may own and read the files; by default as for a command in this directory.
    package init(path: String, rule: SecretFileRule? = nil) {
        self.path = path
        self.rule = rule
    }

    /// From the root, for messages.
    package var fullPath: String { Directory.absolute(path) }

    package var exists: Bool { FileStamp(path).exists }

    /// Whether the directory does not exist yet or contains no key.
    package func isEmpty() throws(KeyDirectoryError) -> Bool {
        try names().isEmpty
    }

    /// Reads every `*.jwk`, living or not.
    /// - Throws: for a file that others may read, for a file without a key, and for a `kid` that two files have.
    package func read() throws(KeyDirectoryError) -> KeySet {
        KeySet(try files().map(\.key))
    }

    /// The keyring of the moment `now`.
    /// - Throws: as ``read()``, and for a set that cannot serve.
    package func load(now: UnixMilliseconds) throws(KeyDirectoryError) -> Keyring {
        try keyring(of: read(), now: now)
    }

    package func keyring(of set: KeySet, now: UnixMilliseconds) throws(KeyDirectoryError) -> Keyring {
        do { return try Keyring(set.living(at: now)) } catch {
            guard error == .refreshSecretMissing else { throw KeyDirectoryError(description: "\(path): \(error)") }
            throw KeyDirectoryError(description: "\(path): \(lack(in: set))")
        }
    }

    /// Every service needs the secret of its refresh tokens first.
    private func lack(in set: KeySet) -> String {
        guard exists else { return "the directory does not exist. Restore it, or mount its volume" }
        let what = set.keys.isEmpty ? "there are no keys" : "\(KeyError.refreshSecretMissing)"
        return "\(what). Restore the files, or run: martlet keys rotate --refresh --lead 0s --keys \(path)"
    }

    /// Fills an empty directory: a key of each algorithm, an HS256 secret, and the secret of the refresh tokens.
    /// - Returns: the names of the new files.
    package func fill(_ algorithms: [Algorithm] = [.rs256], now: UnixMilliseconds) throws(KeyDirectoryError) -> [String]
    {
        try Self.checkClock(now)
        do throws(FileError) {
            try AtomicFile.makeDirectory(path)
        } catch {
            guard case .system(call: "mkdir", _, code: ENOENT) = error else { throw KeyDirectoryError(error) }
            let parent = Directory.absolute(Directory.parent(of: path))
            throw KeyDirectoryError(
                description:
                    "\(path) cannot be created: the directory \(parent) does not exist. Create it, or set MARTLET_KEYS",
                mayPass: error.mayPass)
        }
        try checkDirectory()
        let keys: [Key]
        do {
            let access = algorithms.filter { $0 != .hs256 } + [.hs256]
            keys =
                try access.map { (algorithm) throws(KeyError) in
                    try Key.generate(algorithm, purpose: .access, createdAt: now)
                } + [Key.generate(.hs256, purpose: .refresh, createdAt: now)]
        } catch {
            throw KeyDirectoryError(description: "\(path): could not create a key: \(error)")
        }
        for key in keys { _ = try write(key, to: Self.name(of: key)) }
        return keys.map(Self.name)
    }

    /// A key that is created while the clock is before 1970 has times that no reader accepts.
    static func checkClock(_ now: UnixMilliseconds) throws(KeyDirectoryError) {
        guard now < 0 else { return }
        throw KeyDirectoryError(
            description: "the clock is before 1970, so no key can be created or changed. Set the clock and try again")
    }

    /// A value that changes whenever a key file does.
    package func stamp() -> [FileStamp] {
        ((try? names()) ?? []).map { FileStamp(path + "/" + $0) }
    }

    /// A key's file as it was read.
    struct KeyFile {
        let name: String
        let key: Key
        let stamp: FileStamp
    }

    func files() throws(KeyDirectoryError) -> [KeyFile] {
        let (files, faults) = try readableFiles()
        if let fault = faults.first { throw fault }
        return files
    }

    /// The files that can be used, and what is wrong with the others.
    func readableFiles() throws(KeyDirectoryError) -> (files: [KeyFile], faults: [KeyDirectoryError]) {
        try checkDirectory()
        var files: [KeyFile] = []
        var faults: [KeyDirectoryError] = []
        var kids: Set<String> = []
        var keys: [ParsedKeys.Digest: Key] = [:]
        for name in try names() {
            do throws(KeyDirectoryError) {
                let file = try read(name, &keys)
                guard kids.insert(file.key.kid).inserted else {
                    throw KeyDirectoryError(description: "\(path): \(KeyError.duplicateKid(file.key.kid))")
                }
                files.append(file)
            } catch {
                faults.append(error)
            }
        }
        parsed.replace(with: keys)
        return (files, faults)
    }

    /// The names of all keys that a file marks as compromised, even if that file or others have mistakes.
    package func compromisedMarks() -> Set<String> {
        var marks: Set<String> = []
        for name in (try? names()) ?? [] {
            guard let bytes = try? AtomicFile.read(path + "/" + name, byteCountMax: Self.byteCountMax),
                let kid = Key.compromisedName(in: bytes.span)
            else { continue }
            marks.insert(kid)
        }
        return marks
    }

    /// - Parameter expected: what has to be at the file's place.
    /// - Returns: `false` if something else is there.
    func write(_ key: Key, to name: String, over expected: FileStamp = .missing) throws(KeyDirectoryError) -> Bool {
        let file = path + "/" + name
        do {
            let bytes = try key.privateJWK()
            // No file may come into being that stops the next start.
            _ = try Key(parsing: bytes.span)
            try AtomicFile.replace(file, with: bytes, mode: 0o600, expecting: expected)
            return true
        } catch FileError.changed {
            return false
        } catch let fault as FileError {
            throw KeyDirectoryError(description: "\(file): \(fault)", mayPass: fault.mayPass)
        } catch {
            throw KeyDirectoryError(description: "\(file): \(error)")
        }
    }

    /// What a new key's file is called.
    static func name(of key: Key) -> String {
        let kind = key.purpose == .refresh ? "refresh" : "access-\(key.algorithm.rawValue.lowercased())"
        let isPlain = key.kid.utf8.allSatisfy { octet in
            (0x30...0x39).contains(octet) || (0x61...0x7a).contains(octet | 0x20) || octet == 0x2d || octet == 0x5f
        }
        // A `kid` from another program may contain slashes and dots.
        return "\(kind)-\(isPlain ? key.kid : Base64URL.encode(Array(key.kid.utf8))).jwk"
    }

    private func checkDirectory() throws(KeyDirectoryError) {
        guard let facts = SecretFileRule.Facts(path),
            let fault = present(rule).fault(ofDirectory: path, facts)
        else { return }
        throw KeyDirectoryError(description: fault)
    }

    private func present(_ rule: SecretFileRule?) -> SecretFileRule { rule ?? .ofCommand(in: path) }

    /// - Parameter keys: gets the key by the digest of its file.
    private func read(_ name: String, _ keys: inout [ParsedKeys.Digest: Key]) throws(KeyDirectoryError) -> KeyFile {
        let file = path + "/" + name
        if let facts = SecretFileRule.Facts(file), let fault = present(rule).fault(ofFile: file, facts) {
            throw KeyDirectoryError(description: fault)
        }
        do {
            let (bytes, stamp) = try AtomicFile.readStamped(file, byteCountMax: Self.byteCountMax)
            let digest = ParsedKeys.digest(bytes)
            let key = try parsed.key(digest) ?? Key(parsing: bytes.span)
            keys[digest] = key
            return KeyFile(name: name, key: key, stamp: stamp)
        } catch {
            throw KeyDirectoryError(description: error is FileError ? "\(error)" : "\(file): \(error)")
        }
    }

    private func names() throws(KeyDirectoryError) -> [String] {
        do throws(FileError) {
            return try Directory.names(in: path).filter { $0.hasSuffix(".jwk") && !$0.hasPrefix(".") }
        } catch .system(_, _, ENOENT) {
            return []
        } catch {
            throw KeyDirectoryError(error)
        }
    }

    func fault(_ call: String, _ file: String) -> KeyDirectoryError {
        let code = errno
        return KeyDirectoryError(
            description: FileErrorText.text(file, call, code),
            mayPass: TransientCondition.mayPass(code, path: file))
    }
}
