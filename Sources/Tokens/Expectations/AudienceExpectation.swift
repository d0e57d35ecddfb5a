/// The audiences that a token may have (RFC 7519 §4.1.3). Names are compared byte by byte (RFC 7515 §5.3).
package enum AudienceExpectation: Sendable {
    case one([UInt8])
    /// The token's `aud` must contain at least one of these.
    case anyOf([[UInt8]])

    package init(_ name: String) {
        self = .one(Array(name.utf8))
    }

    package init(anyOf names: [String]) {
        self = .anyOf(names.map { Array($0.utf8) })
    }
}
