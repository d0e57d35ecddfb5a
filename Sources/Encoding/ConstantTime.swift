/// Compares values in a time that does not depend on where they differ.
package enum ConstantTime {
    /// Returns whether both are equal; only the lengths are compared in variable time.
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
