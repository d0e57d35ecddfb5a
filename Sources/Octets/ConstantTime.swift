/// Comparisons whose time tells nothing of where two values differ.
package enum ConstantTime {
    /// Only the lengths are compared openly.
    @inline(never)
    package static func isEqual(_ left: Span<UInt8>, _ right: Span<UInt8>) -> Bool {
        guard left.count == right.count else { return false }
        var difference: UInt8 = 0
        for index in left.indices { difference |= left[index] ^ right[index] }
        return difference == 0
    }
}
