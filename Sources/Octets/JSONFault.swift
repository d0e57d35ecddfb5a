/// Bounds that a document is held to before and while it is read.
package struct JSONLimits: Sendable {
    package var depthMax: Int
    /// Values in all, member names included.
    package var memberMax: Int
    package var byteCountMax: Int

    package init(depthMax: Int = 32, memberMax: Int = 4_096, byteCountMax: Int = 65_536) {
        self.depthMax = depthMax
        self.memberMax = memberMax
        self.byteCountMax = byteCountMax
    }
}

/// Why octets are no document. Offsets count from the document's first octet.
package enum JSONFault: Error, Equatable, Sendable {
    case tooLarge
    case tooDeep
    case tooManyValues
    case notUTF8(Int)
    case byteOrderMark
    /// Something else belongs here.
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
