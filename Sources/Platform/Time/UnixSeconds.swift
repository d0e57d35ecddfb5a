/// A moment, in whole seconds since 1970-01-01T00:00:00Z: the NumericDate of tokens (RFC 7519 §2) without a fraction.
///
/// Arithmetic saturates, so that no number from a token can stop the process.
@frozen
package struct UnixSeconds: Hashable, Comparable, Sendable {
    /// Seconds since 1970; negative before.
    package let count: Int64

    @inlinable
    package init(_ count: Int64) { self.count = count }

    package static let epoch = UnixSeconds(0)
    /// Later than every moment that a clock shows.
    package static let distantFuture = UnixSeconds(.max)
    /// Earlier than every moment that a clock shows.
    package static let distantPast = UnixSeconds(.min)

    /// The first millisecond of this second.
    @inlinable
    package var milliseconds: UnixMilliseconds { UnixMilliseconds(self) }

    @inlinable
    package func adding(seconds: Int64) -> UnixSeconds { UnixSeconds(count.saturatingAdd(seconds)) }

    /// Seconds from `earlier` to this moment; negative if `earlier` is later.
    @inlinable
    package func seconds(since earlier: UnixSeconds) -> Int64 {
        let (difference, isOver) = count.subtractingReportingOverflow(earlier.count)
        guard isOver else { return difference }
        return count < earlier.count ? .min : .max
    }

    @inlinable
    package static func < (left: UnixSeconds, right: UnixSeconds) -> Bool { left.count < right.count }
}

extension UnixSeconds: ExpressibleByIntegerLiteral {
    @inlinable
    package init(integerLiteral count: Int64) { self.init(count) }
}

extension UnixSeconds: CustomStringConvertible {
    package var description: String { "\(count)" }
}
