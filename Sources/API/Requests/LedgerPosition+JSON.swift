import Encoding
import Revocation

extension [UInt8] {
    /// Appends a position as a JSON string.
    mutating func append(_ position: LedgerPosition) {
        append(UInt8(ascii: "\""))
        append(decimal: Int64(position.epoch))
        append(UInt8(ascii: ":"))
        append(decimal: Int64(clamping: position.seq))
        append(UInt8(ascii: "\""))
    }
}

extension Schema {
    /// The text of a position.
    static let position = named(
        "Position",
        .string(pattern: "^[1-9][0-9]*:(0|[1-9][0-9]*)$").described("Epoch and number of a durable record.")
    )
}
