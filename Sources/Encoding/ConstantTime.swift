/// Comparisons whose time tells nothing of where two values differ.
package enum ConstantTime {
    /// Only the lengths are compared openly.
    @inline(never)
    package static func isEqual(_ left: Span<UInt8>, _ right: Span<UInt8>) -> Bool {
        guard left.count == right.count else { return false }
        var difference: UInt64 = 0
        var offset = 0
        while offset + 8 <= left.count {
            difference |= left.lanes(at: offset) ^ right.lanes(at: offset)
            offset += 8
        }
        while offset < left.count {
            difference |= UInt64(left[offset] ^ right[offset])
            offset += 1
        }
        return difference == 0
    }
}
