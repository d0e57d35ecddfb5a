/// Limits that the parser enforces on a document.
package struct JSONLimits: Sendable {
    package var depthMax: Int
    /// The greatest number of values in the document, member names included.
    package var memberMax: Int
    package var byteCountMax: Int

    package init(depthMax: Int = 32, memberMax: Int = 4_096, byteCountMax: Int = 65_536) {
        self.depthMax = depthMax
        self.memberMax = memberMax
        self.byteCountMax = byteCountMax
    }
}

/// Why bytes are not an accepted JSON document. Offsets count from the document's first byte.
package enum JSONError: Error, Equatable, Sendable {
    case tooLarge
    case tooDeep
    case tooManyValues
    case notUTF8(Int)
    case byteOrderMark
    /// A byte that the grammar does not allow at this offset.
    case unexpected(Int)
    case unterminated
    case duplicateMember(Int)
    case badEscape(Int)
    case loneSurrogate(Int)
    case badNumber(Int)
    /// More text after the value.
    case trailing(Int)

    package var offset: Int? {
        switch self {
        case .notUTF8(let offset), .unexpected(let offset), .duplicateMember(let offset), .badEscape(let offset),
            .loneSurrogate(let offset), .badNumber(let offset), .trailing(let offset):
            offset
        case .tooLarge, .tooDeep, .tooManyValues, .byteOrderMark, .unterminated: nil
        }
    }
}

extension JSONError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .tooLarge: "the text is too long"
        case .tooDeep: "values are nested too deeply"
        case .tooManyValues: "there are too many values"
        case .notUTF8(let offset): "the text is not UTF-8 at byte \(offset)"
        case .byteOrderMark: "the text begins with a byte order mark"
        case .unexpected(let offset): "unexpected character at byte \(offset)"
        case .unterminated: "the text ends within a value"
        case .duplicateMember(let offset): "a member is repeated at byte \(offset)"
        case .badEscape(let offset): "invalid escape at byte \(offset)"
        case .loneSurrogate(let offset): "a surrogate without its partner at byte \(offset)"
        case .badNumber(let offset): "invalid number at byte \(offset)"
        case .trailing(let offset): "more text after the value at byte \(offset)"
        }
    }
}
