/// Reads the wall clock; passed in, so that tests can set the time.
package struct WallClock: Sendable {
    private let read: @Sendable () -> UnixMilliseconds

    package init(_ read: @escaping @Sendable () -> UnixMilliseconds) {
        self.read = read
    }

    package var now: UnixMilliseconds { read() }
}
