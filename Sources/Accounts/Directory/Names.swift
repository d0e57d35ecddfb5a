/// What names, roles and scopes may be made of.
package enum Names {
    static let nameExpected = "1 to 128 octets of printable text without white space at the ends"
    static let clientIDExpected =
        "1 to 128 printable ASCII characters without space, \", \\ and :, other than first-party"
    static let roleExpected = "1 to 128 printable ASCII characters without space, \", \\ and ,"
    static let tokenExpected = "1 to 128 printable ASCII characters without space, \" and \\"

    /// A user's name: text without control, format and line separator characters.
    static func isUserName(_ name: String) -> Bool {
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

    /// A scope-token (RFC 6749 §3.3), of a bounded length. Roles, audiences and client ids keep to it too, so that
    /// all of them can stand in a list between spaces and in a header field.
    static func isToken(_ text: String) -> Bool {
        guard (1...128).contains(text.utf8.count) else { return false }
        return text.utf8.allSatisfy { octet in
            octet > 0x20 && octet < 0x7F && octet != UInt8(ascii: "\"") && octet != UInt8(ascii: "\\")
        }
    }

    /// A role: as a token, and without the comma that separates roles where they are told side by side.
    package static func isRole(_ text: String) -> Bool {
        isToken(text) && !text.utf8.contains(UInt8(ascii: ","))
    }

    /// A client's id: as a token, and without the colon that ends it in Basic authentication (RFC 7617 §2).
    static func isClientID(_ text: String) -> Bool {
        isToken(text) && !text.utf8.contains(UInt8(ascii: ":")) && text != firstPartyClientID
    }

    /// What tokens name that no client asked for: a client of that name would get at everyone's.
    private static let firstPartyClientID = "first-party"

    /// Something that may stand in the place of a stored password hash; whether it can match is another matter.
    static func isStoredHash(_ text: String) -> Bool {
        (1...512).contains(text.utf8.count) && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }
    }
}
