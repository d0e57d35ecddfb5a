/// Times in tokens and keys: whole seconds since 1970 (RFC 7519 §2).
package enum NumericDate {
    /// Up to the year 9999; what lies outside is a mistake, and inside it no sum of ours overflows.
    package static let range: ClosedRange<Int64> = 0...253_402_300_799
}
