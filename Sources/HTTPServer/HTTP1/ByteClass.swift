/// What an octet of a message head may be part of.
enum ByteClass {
    /// For each octet its lower-case form where it may stand in a token (RFC 9110 §5.6.2), else zero.
    private static let tokens: StaticString = """
        \0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\
        \0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\
        \0!\0#$%&'\0\0*+\0-.\0\
        0123456789\0\0\0\0\0\0\
        \0abcdefghijklmno\
        pqrstuvwxyz\0\0\0^_\
        `abcdefghijklmno\
        pqrstuvwxyz\0|\0~\0\
        \0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\
        \0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\
        \0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\
        \0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\
        \0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\
        \0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\
        \0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\
        \0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0
        """

    /// `octet` in lower case, or zero where a token may not hold it.
    @inline(__always)
    static func token(_ octet: UInt8) -> UInt8 {
        // The table has 256 entries, so no octet reaches past it.
        unsafe tokens.utf8Start[Int(octet)]
    }

    /// Whether `octet` may stand in the host and port of a Host field or an absolute target (RFC 3986 §3.2.2, §3.2.3).
    static func isAuthority(_ octet: UInt8) -> Bool {
        switch octet {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        case UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"), UInt8(ascii: "%"),
            UInt8(ascii: "!"), UInt8(ascii: "$"), UInt8(ascii: "&"), UInt8(ascii: "'"), UInt8(ascii: "("),
            UInt8(ascii: ")"), UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: ","), UInt8(ascii: ";"),
            UInt8(ascii: "="), UInt8(ascii: ":"), UInt8(ascii: "["), UInt8(ascii: "]"):
            true
        default:
            false
        }
    }
}

extension UInt8 {
    static let tab = UInt8(ascii: "\t")
    static let lineFeed = UInt8(ascii: "\n")
    static let carriageReturn = UInt8(ascii: "\r")
    static let space = UInt8(ascii: " ")
    static let colon = UInt8(ascii: ":")

    /// `A` to `Z` in lower case, everything else as it is.
    @inline(__always)
    var lowercased: UInt8 { self >= 0x41 && self <= 0x5a ? self | 0x20 : self }
}
