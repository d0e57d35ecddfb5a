extension String {
    /// Returns whether both have the same bytes (RFC 7519 §7.3), unlike `==`, which treats canonically equivalent
    /// strings as equal.
    package func isSpelled(as other: String) -> Bool { utf8.elementsEqual(other.utf8) }
}
