import Accounts

/// Explains why an imported password hash is not accepted; a message never contains the hash itself.
enum PasswordHashMessage {
    private static let schemes =
        "$argon2id$, bcrypt ($2a$, $2b$, $2y$), yescrypt ($y$) or SHA-512 ($6$)"

    /// Returns a message about a password hash.
    ///
    /// - Returns: the expected form; nil for an accepted hash.
    static func about(_ hash: String) -> String? {
        guard !PasswordHasher.isUsable(hash) else { return nil }
        guard let first = hash.unicodeScalars.first, let last = hash.unicodeScalars.last else {
            return "a password hash; it is empty, which is what a shell leaves of \"$…\" that is not in single quotes"
        }
        if first.properties.isWhitespace || last.properties.isWhitespace {
            return "a password hash without white space or line ends around it"
        }
        if "\"'".unicodeScalars.contains(first) { return "a password hash without quotes around it" }
        guard first == "$" else {
            return "a hash that begins with $, of \(schemes). A shell expands $… in double quotes: "
                + "use single quotes, or send the password itself with --password-stdin"
        }
        switch hash.split(separator: "$").first.map(String.init) ?? "" {
        case "argon2id":
            return "an Argon2id hash as $argon2id$v=19$m=19456,t=2,p=1$SALT$TAG: parameters in the order m,t,p, "
                + "\(Argon2Parameters.memoryKiBMax) KiB and \(Argon2Parameters.lanesMax) lanes at most, memory times passes at "
                + "most \(Argon2Parameters.workMax), base64 without padding, and complete"
        case "argon2i", "argon2d":
            return "Argon2id: this variant of Argon2 is not supported. Set a new password with --password-stdin"
        case "2a", "2b", "2y":
            return "a bcrypt hash of 60 characters and a cost from 04 to 14; this one is cut off, changed or too costly"
        case "6":
            return
                "a SHA-512 hash with 86 characters behind the salt and 1,000 to 1,000,000 rounds; this one is cut off, "
                + "changed or too costly"
        case "y":
            return
                "a yescrypt hash as crypt_gensalt(3) makes it, of 256 MiB at most; this one is cut off, changed or too "
                + "costly"
        default:
            return "a hash of \(schemes); this scheme is not supported. Set a new password with --password-stdin"
        }
    }
}
