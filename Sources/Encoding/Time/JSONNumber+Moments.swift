package import Platform

/// A number of seconds since 1970, as tokens of other issuers write moments (RFC 7519 §2), read as a moment.
///
/// Values are clamped to ±``JSONNumber/integerMax``.
extension JSONNumber {
    package var secondsRoundedDown: UnixSeconds { UnixSeconds(roundedDown) }

    package var millisecondsRoundedDown: UnixMilliseconds { UnixMilliseconds(shifted(by: 3).roundedDown) }

    package var millisecondsRoundedUp: UnixMilliseconds { UnixMilliseconds(shifted(by: 3).roundedUp) }
}
