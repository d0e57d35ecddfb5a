/// Reads the wall clock; passed in, so that tests can set the time.
package struct WallClock: Sendable {
    private let read: @Sendable () -> Int64

    /// - Parameter read: returns milliseconds since 1970-01-01T00:00:00Z.
    package init(_ read: @escaping @Sendable () -> Int64) {
        self.read = read
    }

    /// The current time in milliseconds since 1970-01-01T00:00:00Z.
    package var now: Int64 { read() }
}
