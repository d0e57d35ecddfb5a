extension String {
    /// Whether both have the same bytes: `==` takes different spellings of one character as equal (RFC 7519 §7.3).
    package func isSpelled(as other: String) -> Bool { utf8.elementsEqual(other.utf8) }
}
