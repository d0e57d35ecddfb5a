import Encoding

/// The names that the content of an endpoint may use. Any other name is rejected: a misspelled condition
/// would otherwise count as met.
struct MemberNames: Sendable {
    /// Few enough that comparing with all of them is faster than hashing.
    let fingerprints: [UInt64]

    init(_ names: [StaticString]) {
        fingerprints = names.map(Self.fingerprint)
    }

    static func fingerprint(_ name: StaticString) -> UInt64 {
        name.withUTF8Buffer { letters in JSONDocument.nameFingerprint(of: unsafe letters.span) }
    }

    static let verify = MemberNames(["token"] + Condition.names.map(\.name))
    static let batch = MemberNames(["tokens"] + Condition.names.map(\.name))
    static let logout = MemberNames(["scope", "refresh_token"])
    static let login = MemberNames(loginNames)
    static let loginNames = oauth + ["audience", "resource", "mode", "source", "device", "device_token", "min_seq"]
    static let password = MemberNames([
        "current_password", "new_password", "source", "device_token", "client_id", "client_secret",
    ])
    static let refresh = MemberNames(oauth + ["audience", "resource", "min_seq"])
    /// What a refresh may send in browser mode.
    static let browserRefresh = MemberNames(oauth + ["audience", "resource", "mode", "min_seq"])
    static let revocations = MemberNames(revocationOrder)

    /// The members of an operator's request.
    static let revocationOrder: [StaticString] = [
        "jti", "expires_at", "sid", "sub", "username", "client_id", "kid", "all", "unknown",
    ]

    /// What RFC 6749 defines for requests: libraries may send any of them, also where it has no meaning.
    private static let oauth: [StaticString] = [
        "grant_type", "client_id", "client_secret", "username", "password", "scope", "refresh_token", "response_type",
        "redirect_uri", "state", "code",
    ]

    /// A name that a client sent, in the form in which an error may repeat it: short and plain, or not at all.
    static func quoted(_ name: some Collection<UInt8>) -> String {
        let isPlain = name.allSatisfy { byte in
            UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte | 0x20 || UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte
                || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "-")
        }
        guard isPlain, (1...32).contains(name.count) else { return "whose name is empty, long or not plain text" }
        return String(decoding: Array(name), as: UTF8.self)
    }
}
