import Accounts

/// Explains why an imported password hash is not accepted; a message never contains the hash itself.
enum PasswordHashMessage {
    /// Returns a message about a password hash.
    ///
    /// - Returns: the expected form; nil for an accepted hash.
    static func about(_ hash: String) -> String? {
        guard let expectation = PasswordHasher.expectation(of: hash) else { return nil }
        guard let first = hash.unicodeScalars.first, let last = hash.unicodeScalars.last else {
            return "a password hash; it is empty, which is what a shell leaves of \"$…\" that is not in single quotes"
        }
        if first.properties.isWhitespace || last.properties.isWhitespace {
            return "a password hash without white space or line ends around it"
        }
        if "\"'".unicodeScalars.contains(first) { return "a password hash without quotes around it" }
        if hash.hasPrefix("argon2$") { return "an Argon2 hash without the word argon2 in front: remove argon2" }
        guard first == "$" || hash.hasPrefix("pbkdf2") else {
            return "\(expectation). A shell expands $… in double quotes: use single quotes, or send the "
                + "password itself with --password-stdin"
        }
        return expectation
    }
}
