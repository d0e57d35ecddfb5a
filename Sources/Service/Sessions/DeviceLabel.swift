/// What a client calls the device that a person signs in from, such as "Ana's phone".
///
/// Sessions are listed with it. The text is the client's: it identifies nothing and proves nothing.
package struct DeviceLabel: Hashable, Sendable {
    package static let byteCounts = 1...40
    package static let expected = "1 to 40 bytes of printable text in UTF-8"

    package let text: String

    /// - Returns: nil unless the bytes are valid UTF-8 and every character is printable: no control or format character,
    ///   no line separator, no white space at the ends.
    package init?(utf8 bytes: [UInt8]) {
        guard Self.byteCounts.contains(bytes.count), let text = String(validating: bytes, as: UTF8.self),
            let first = text.unicodeScalars.first, let last = text.unicodeScalars.last,
            !first.properties.isWhitespace, !last.properties.isWhitespace
        else { return nil }
        let isPrintable = text.unicodeScalars.allSatisfy { scalar in
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .surrogate, .unassigned: false
            default: true
            }
        }
        guard isPrintable else { return nil }
        self.text = text
    }
}
