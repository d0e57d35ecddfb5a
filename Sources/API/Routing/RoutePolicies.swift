/// How the pipeline treats the requests of an endpoint.
struct RoutePolicies: OptionSet, Sendable {
    let rawValue: UInt16

    /// Any client can make this endpoint reject requests all day, so a rejection is counted, and logged only at level
    /// debug.
    static let quiet = RoutePolicies(rawValue: 1)
    /// Errors also have `error` and `error_description` (RFC 6749 §5.2).
    static let oauthErrors = RoutePolicies(rawValue: 2)
    /// An invalid grant gets 400, not 401 (RFC 6749 §5.2).
    static let grantStatuses = RoutePolicies(rawValue: 4)
    /// The query belongs to a gateway, and the handler checks it. Elsewhere the pipeline rejects a token in the query.
    static let ownQuery = RoutePolicies(rawValue: 8)
    /// The path of the issuer may follow the path of the endpoint (RFC 8414 §3).
    static let issuerSuffix = RoutePolicies(rawValue: 16)
    /// Failures are counted by client address, so every request is checked for forwarding fields that are not trusted.
    static let limitedByAddress = RoutePolicies(rawValue: 32)
    /// The content may have ``largeContentByteCountMax`` bytes. Elsewhere the limit of the server applies.
    static let largeContent = RoutePolicies(rawValue: 64)
    /// In browser mode, pages of the configured origins may read the answers.
    static let crossOrigin = RoutePolicies(rawValue: 128)

    /// A position of an unknown epoch gets 409, not 503: to wait is of no use to a reader.
    static let positionStatuses = RoutePolicies(rawValue: 256)

    static let largeContentByteCountMax = 1_048_576
}
