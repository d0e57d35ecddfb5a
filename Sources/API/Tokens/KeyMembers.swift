import JOSE
import Keys
import Tokens

/// The members `kid` and `alg` of a verify answer, written once for each key of the keyring.
struct KeyMembers {
    private var keyring: Keyring
    private var members: [[UInt8]]

    init(_ keyring: Keyring) {
        self.keyring = keyring
        members = keyring.keys.map(Self.members)
    }

    /// Returns `,"kid":"...","alg":"...","seq":` for the key that verified `token`.
    ///
    /// - Parameter newest: the keyring that verified it.
    mutating func members(_ token: VerifiedToken, _ newest: Keyring) -> [UInt8] {
        if keyring !== newest { self = KeyMembers(newest) }
        return members[token.keyIndex]
    }

    private static func members(of key: Key) -> [UInt8] {
        Array(",\"kid\":\"\(key.kid)\",\"alg\":\"\(key.algorithm.rawValue)\",\"seq\":".utf8)
    }
}
