extension Int64 {
    /// Adds, and stops at the greatest or least value instead of overflowing.
    @inlinable
    package func saturatingAdd(_ other: Int64) -> Int64 {
        let (sum, isOver) = addingReportingOverflow(other)
        guard isOver else { return sum }
        return other < 0 ? .min : .max
    }

    /// Multiplies, and stops at the greatest or least value instead of overflowing.
    @inlinable
    package func saturatingMultiply(by other: Int64) -> Int64 {
        let (product, isOver) = multipliedReportingOverflow(by: other)
        guard isOver else { return product }
        return (self < 0) == (other < 0) ? .max : .min
    }
}
