/// A stored password hash of any supported scheme, well formed and with an acceptable cost.
enum StoredHash {
    case argon2(Argon2Hash)
    case pbkdf2(PBKDF2Hash)
    case scrypt(ScryptHash)
    case crypt(CryptHash)

    init(_ stored: String) throws(StoredHashError) {
        let text = Array(stored.utf8)
        if text.starts(with: "$argon2".utf8) {
            self = .argon2(try Argon2Hash(text))
        } else if text.starts(with: "$pbkdf2".utf8) || text.starts(with: "pbkdf2_".utf8) {
            self = .pbkdf2(try PBKDF2Hash(text))
        } else if text.starts(with: "$scrypt$".utf8) {
            self = .scrypt(try ScryptHash(text))
        } else {
            self = .crypt(try CryptHash(text))
        }
    }

    /// The bytes of memory that a comparison needs; 0 if it is little.
    var memory: Int {
        switch self {
        case .argon2(let hash): hash.cost.memoryKiB << 10
        case .scrypt(let hash): hash.memory
        case .crypt(let hash): hash.memory
        case .pbkdf2: 0
        }
    }
}
