import Encoding
import Revocation

extension WantedPosition {
    /// What `min_seq` must be, for the caller.
    static let expected = "a position such as 1:4194401, or a whole number"

    /// Reads the text of `min_seq`.
    ///
    /// - Parameter mayBeNumber: whether it may be a number alone, as in a query or a form; in JSON that is a number.
    /// - Throws: `request_malformed`, which names the member.
    init(_ name: StaticString, _ text: [UInt8], mayBeNumber: Bool) throws(Problem) {
        let wanted = WantedPosition(text: String(decoding: text, as: UTF8.self))
        guard let wanted, mayBeNumber || wanted.epoch != nil else {
            throw Problem(.requestMalformed, "The member \(name) must be \(Self.expected).")
        }
        self = wanted
    }
}

extension Schema {
    static let wantedPosition = named(
        "WantedPosition",
        .oneOf(
            .position,
            .integer(minimum: 0).described("The number of a position of the current epoch.")))
}
