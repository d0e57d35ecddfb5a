package import Platform

/// A revoke-before time.
package struct RevokeBefore: Equatable, Sendable {
    /// The high half of a UUIDv7: a session with a lower one is revoked.
    package var value: UInt64
    /// Milliseconds since 1970.
    package var expires: UnixMilliseconds

    package init(value: UInt64, expires: UnixMilliseconds) {
        self.value = value
        self.expires = expires
    }
}
