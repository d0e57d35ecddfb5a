/// The claims that the server writes or evaluates, by their registered names if they have one (RFC 7519 §4.1, RFC 9068
/// §2.2).
///
/// Claims that operators add must have other names.
package enum Claim: String, CaseIterable, Sendable {
    case issuer = "iss"
    case subject = "sub"
    case audience = "aud"
    case clientID = "client_id"
    case issuedAt = "iat"
    case expiresAt = "exp"
    case notBefore = "nbf"
    case tokenID = "jti"
    case sessionID = "sid"
    /// Up to which record the server knew all revocations when the session began.
    case birth = "bsq"
    case scope = "scope"
    case authTime = "auth_time"
    case methods = "amr"
    case roles = "roles"
    case generation = "gen"
    case sessionEnd = "sxp"
    case tokenAudience = "taud"
}

extension Claim {
    /// Returns the ``index`` of the claim called `name`, or `nil`, without allocating.
    ///
    /// - Parameter start: the index to try first. The server's own tokens have their claims in the order of
    ///   ``allCases``, so the successor of the previous claim usually matches at once.
    package static func index(named name: Span<UInt8>, from start: Int) -> Int? {
        guard let packed = pack(name) else { return nil }
        let names = packedNames
        for index in start..<names.count where names[index] == packed { return index }
        for index in 0..<start where names[index] == packed { return index }
        return nil
    }

    private static let packedNames: [UInt128] = allCases.map { claim in
        let name = Array(claim.rawValue.utf8)
        guard let packed = pack(name.span) else { preconditionFailure("a claim's name is longer than 15 bytes") }
        return packed
    }

    /// Packs up to 15 bytes and their count into one number, so that names compare as numbers.
    private static func pack(_ name: Span<UInt8>) -> UInt128? {
        guard name.count <= 15 else { return nil }
        var packed = UInt128(truncatingIfNeeded: name.count)
        for index in name.indices {
            packed = packed << 8 | UInt128(truncatingIfNeeded: name[index])
        }
        return packed
    }
}

extension Claim {
    /// The position of the case in ``allCases``.
    package var index: Int {
        switch self {
        case .issuer: 0
        case .subject: 1
        case .audience: 2
        case .clientID: 3
        case .issuedAt: 4
        case .expiresAt: 5
        case .notBefore: 6
        case .tokenID: 7
        case .sessionID: 8
        case .birth: 9
        case .scope: 10
        case .authTime: 11
        case .methods: 12
        case .roles: 13
        case .generation: 14
        case .sessionEnd: 15
        case .tokenAudience: 16
        }
    }
}
