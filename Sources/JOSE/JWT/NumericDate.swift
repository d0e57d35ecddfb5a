package import Platform

/// Times in tokens and keys: whole seconds since 1970 (RFC 7519 §2).
package enum NumericDate {
    /// Up to the year 9999: later times are mistakes, and sums within the range do not overflow.
    package static let range: ClosedRange<UnixSeconds> = 0...253_402_300_799
}
