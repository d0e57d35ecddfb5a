extension String {
    /// Decodes UTF-8; bytes that are not valid become U+FFFD.
    package init(decoding bytes: Span<UInt8>) {
        self = unsafe bytes.withUnsafeBufferPointer { unsafe String(decoding: $0, as: UTF8.self) }
    }

    /// Returns whether both have the same bytes (RFC 7519 §7.3), unlike `==`, which treats canonically equivalent
    /// strings as equal.
    package func isSpelled(as other: String) -> Bool { utf8.elementsEqual(other.utf8) }
}
