/// Defines which characters names, roles and scopes may have.
package enum Names {
    static let nameExpected = "1 to 128 bytes of printable text without white space at the ends"
    static let userNameExpected = nameExpected + ", which must not begin with client: or external:"
    static let clientIDExpected =
        "1 to 128 printable ASCII characters without space, \", \\ and :, other than first-party"
    static let roleExpected = "1 to 128 printable ASCII characters without space, \", \\ and ,"
    static let tokenExpected = "1 to 128 printable ASCII characters without space, \" and \\"

    /// What the subjects of clients and of users of other systems begin with: no user can pass for one of them (RFC 9700
    /// §4.15).
    private static let reserved = ["client:", "external:"]

    /// Returns whether the text begins with a word that is reserved for subjects that are not users, in any case.
    package static func isReserved(_ name: String) -> Bool {
        reserved.contains { name.utf8.prefix($0.utf8.count).elementsEqual($0.utf8) { $0 | 0x20 == $1 } }
    }

    /// Returns whether the text may be a user's name.
    static func isUserName(_ name: String) -> Bool { isDisplayName(name) && !isReserved(name) }

    /// Returns whether the text has no control, format or line separator characters, and no white space at its ends.
    static func isDisplayName(_ name: String) -> Bool {
        if (1...128).contains(name.utf8.count), name.utf8.allSatisfy({ 0x20 < $0 && $0 < 0x7F }) { return true }
        guard (1...128).contains(name.utf8.count), let first = name.unicodeScalars.first,
            let last = name.unicodeScalars.last, !first.properties.isWhitespace, !last.properties.isWhitespace
        else { return false }
        return name.unicodeScalars.allSatisfy { scalar in
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate: false
            default: true
            }
        }
    }

    /// Returns whether the text is a scope-token (RFC 6749 §3.3) of limited length. Roles, audiences and client ids
    /// follow the same rule, so that all can be in a space-separated list and in a header field.
    static func isToken(_ text: String) -> Bool {
        guard (1...128).contains(text.utf8.count) else { return false }
        return text.utf8.allSatisfy { octet in
            octet > 0x20 && octet < 0x7F && octet != UInt8(ascii: "\"") && octet != UInt8(ascii: "\\")
        }
    }

    /// Returns whether the text may be another system's id of a user: 1 to 128 printable ASCII characters without `"` and
    /// `\`, which no claim of a token may have, and without a space at the ends.
    package static func isExternalID(_ text: String) -> Bool {
        let bytes = text.utf8
        guard (1...128).contains(bytes.count), bytes.first != 0x20, bytes.last != 0x20 else { return false }
        return bytes.allSatisfy { byte in
            byte >= 0x20 && byte < 0x7F && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
        }
    }

    /// Returns whether the text may be a role: a token without the comma that separates roles in a header field.
    package static func isRole(_ text: String) -> Bool {
        isToken(text) && !text.utf8.contains(UInt8(ascii: ","))
    }

    /// Returns whether the text may be a client's id: a token without the colon that ends it in Basic authentication
    /// (RFC 7617 §2).
    static func isClientID(_ text: String) -> Bool {
        isToken(text) && !text.utf8.contains(UInt8(ascii: ":")) && text != firstPartyClientID
    }

    /// The `client_id` of tokens that no client requested; a client of that name could use all of them.
    private static let firstPartyClientID = "first-party"

    /// Returns whether the text may be stored as a password hash: 1 to 512 visible ASCII characters, of a supported
    /// scheme or not.
    static func isStoredHash(_ text: String) -> Bool {
        (1...512).contains(text.utf8.count) && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }
    }
}
