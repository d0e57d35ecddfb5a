/// Where the time comes from, passed in so that tests choose it.
package struct WallClock: Sendable {
    private let read: @Sendable () -> Int64

    /// - Parameter read: milliseconds since 1970-01-01T00:00:00Z.
    package init(_ read: @escaping @Sendable () -> Int64) {
        self.read = read
    }

    /// Milliseconds since 1970-01-01T00:00:00Z.
    package var now: Int64 { read() }
}
