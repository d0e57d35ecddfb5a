import JOSE

/// The kinds of token by the `typ` of their header, so that one kind is never accepted as another (RFC 8725 §3.11).
package enum TokenType: Equatable {
    case access, refresh
    /// A device's token, signed with a refresh secret.
    case device

    package init(_ purpose: Key.Purpose) {
        self =
            switch purpose {
            case .access: .access
            case .refresh: .refresh
            }
    }

    /// Parses a `typ`: a media type, compared without regard to case, with `application/` optional (RFC 7515 §4.1.9).
    package init?(_ text: Span<UInt8>) {
        if text.isCaseInsensitivelyEqual(to: "at+jwt") || text.isCaseInsensitivelyEqual(to: "application/at+jwt") {
            self = .access
        } else if text.isCaseInsensitivelyEqual(to: "rt+jwt") || text.isCaseInsensitivelyEqual(to: "application/rt+jwt")
        {
            self = .refresh
        } else if text.isCaseInsensitivelyEqual(to: "dt+jwt") || text.isCaseInsensitivelyEqual(to: "application/dt+jwt")
        {
            self = .device
        } else {
            return nil
        }
    }

    package var text: String {
        switch self {
        case .access: "at+jwt"
        case .refresh: "rt+jwt"
        case .device: "dt+jwt"
        }
    }

    /// The keys that sign tokens of this kind.
    package var purpose: Key.Purpose {
        switch self {
        case .access: .access
        case .refresh, .device: .refresh
        }
    }
}
