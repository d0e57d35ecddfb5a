import Glibc

/// The positions of the three parts of a compact JWS in the bytes it was parsed from (RFC 7515 §7.1).
///
/// Offsets only: nothing is copied or decoded. Use with the same bytes: `token.extracting(jws.signingInput)`.
package struct CompactJWS: Equatable, Sendable {
    /// The limit for the server's own tokens.
    package static let byteCountMax = 8_192
    /// The limit for other issuers' tokens, which can have long lists of groups.
    package static let foreignByteCountMax = 65_536

    package let header: Range<Int>
    package let payload: Range<Int>
    package let signature: Range<Int>

    /// The header, the dot and the payload exactly as received; the signature covers these bytes (RFC 7515 §5.2, step
    /// 8).
    package var signingInput: Range<Int> { 0..<payload.upperBound }

    /// - Throws: `.tooLong` above `byteCountMax`; `.malformed(.separators)` unless there are exactly two dots.
    package init(_ token: Span<UInt8>, byteCountMax: Int = Self.byteCountMax) throws(TokenRejection) {
        guard token.count <= byteCountMax else { throw .tooLong(byteCount: token.count) }
        guard
            let first = Self.dot(in: token, from: 0),
            let second = Self.dot(in: token, from: first + 1),
            Self.dot(in: token, from: second + 1) == nil
        else { throw .malformed(.separators) }
        header = 0..<first
        payload = (first + 1)..<second
        signature = (second + 1)..<token.count
    }

    private static func dot(in token: Span<UInt8>, from start: Int) -> Int? {
        unsafe token.withUnsafeBytes { bytes in
            guard start < bytes.count, let base = bytes.baseAddress else { return nil }
            guard let found = unsafe memchr(base + start, 0x2E, bytes.count - start) else { return nil }
            return unsafe UnsafeRawPointer(found) - base
        }
    }
}
