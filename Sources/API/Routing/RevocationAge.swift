import Encoding

/// The values of the fields `Revocation-Age` and `Revocation-Held`: seconds with three decimals.
enum RevocationAge {
    static func write(_ milliseconds: Int64, to bytes: inout [UInt8]) {
        let (seconds, rest) = max(0, milliseconds).quotientAndRemainder(dividingBy: 1_000)
        bytes.append(decimal: seconds)
        // The first digit, which keeps the zeros behind it, becomes the point.
        let point = bytes.count
        bytes.append(decimal: 1_000 + rest)
        bytes[point] = UInt8(ascii: ".")
    }
}
