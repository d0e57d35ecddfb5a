import Encoding

/// Parses the parts that hashes in the PHC string format have in common: `$scheme$name=value,…$SALT$TAG`.
enum PHCString {
    /// Returns the parts of a text between its `$` signs; at most `countMax + 1` of them.
    static func fields(_ text: [UInt8], countMax: Int) -> [ArraySlice<UInt8>] {
        text.split(separator: UInt8(ascii: "$"), maxSplits: countMax, omittingEmptySubsequences: false)
    }

    /// Returns the values of the named parameters, which may be in any order but each only once; `nil` for anything
    /// else.
    static func parameters(_ field: ArraySlice<UInt8>, _ names: [String]) -> [Int]? {
        let parts = field.split(separator: UInt8(ascii: ","), maxSplits: names.count, omittingEmptySubsequences: false)
        guard parts.count == names.count else { return nil }
        var values: [Int] = []
        for name in names {
            // A repeated parameter leaves no place for another one.
            guard let value = parts.lazy.compactMap({ Decimal.value(of: $0, after: name + "=") }).first else {
                return nil
            }
            values.append(value)
        }
        return values
    }

    /// Decodes base64 without padding.
    /// - Parameter allowsDots: whether `.` may be used in place of `+`, as in the hashes of passlib.
    static func bytes(_ field: ArraySlice<UInt8>, _ counts: ClosedRange<Int>, allowsDots: Bool = false) -> [UInt8]? {
        let letters = field.map { allowsDots && $0 == UInt8(ascii: ".") ? UInt8(ascii: "+") : $0 }
        guard let bytes = Base64.decodeUnpadded(letters.span), counts.contains(bytes.count) else { return nil }
        return bytes
    }
}
