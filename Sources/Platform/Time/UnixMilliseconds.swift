/// A moment, in milliseconds since 1970-01-01T00:00:00Z: what clocks, journals and sessions are dated with.
///
/// Arithmetic saturates, so that no number from outside can stop the process.
@frozen
package struct UnixMilliseconds: Hashable, Comparable, Sendable {
    /// Milliseconds since 1970; negative before.
    package let count: Int64

    @inlinable
    package init(_ count: Int64) { self.count = count }

    /// The first millisecond of a second.
    @inlinable
    package init(_ seconds: UnixSeconds) { count = seconds.count.saturatingMultiply(by: 1_000) }

    package static let epoch = UnixMilliseconds(0)
    /// Later than every moment that a clock shows.
    package static let distantFuture = UnixMilliseconds(.max)
    /// Earlier than every moment that a clock shows.
    package static let distantPast = UnixMilliseconds(.min)

    /// The second that contains this moment.
    @inlinable
    package var seconds: UnixSeconds {
        // Division rounds toward zero, and the second before 1970 is -1.
        let quotient = count / 1_000
        return UnixSeconds(count % 1_000 < 0 ? quotient - 1 : quotient)
    }

    /// The first second that does not begin before this moment.
    @inlinable
    package var nextSecond: UnixSeconds { adding(milliseconds: 999).seconds }

    /// Seconds since 1970 with their fraction, as gauges show them.
    @inlinable
    package var fractionalSeconds: Double { Double(count) / 1_000 }

    @inlinable
    package func adding(milliseconds: Int64) -> UnixMilliseconds {
        UnixMilliseconds(count.saturatingAdd(milliseconds))
    }

    @inlinable
    package func adding(seconds: Int64) -> UnixMilliseconds {
        adding(milliseconds: seconds.saturatingMultiply(by: 1_000))
    }

    /// Milliseconds from `earlier` to this moment; negative if `earlier` is later.
    @inlinable
    package func milliseconds(since earlier: UnixMilliseconds) -> Int64 {
        let (difference, isOver) = count.subtractingReportingOverflow(earlier.count)
        guard isOver else { return difference }
        return count < earlier.count ? .min : .max
    }

    @inlinable
    package static func < (left: UnixMilliseconds, right: UnixMilliseconds) -> Bool { left.count < right.count }
}

extension UnixMilliseconds: ExpressibleByIntegerLiteral {
    @inlinable
    package init(integerLiteral count: Int64) { self.init(count) }
}

extension UnixMilliseconds: CustomStringConvertible {
    package var description: String { "\(count)" }
}
