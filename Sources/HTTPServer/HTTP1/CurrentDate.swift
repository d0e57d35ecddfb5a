import Encoding

/// The value of the `Date` field, formatted once per second.
struct CurrentDate {
    private(set) var text: [UInt8] = []
    private var seconds: Int64?

    /// Sets the current time.
    ///
    /// - Parameter seconds: seconds since 1970-01-01T00:00:00Z.
    /// - Returns: whether the text has changed.
    mutating func setTime(_ seconds: Int64) -> Bool {
        guard seconds != self.seconds else { return false }
        self.seconds = seconds
        text.removeAll(keepingCapacity: true)
        HTTPDate.write(secondsSince1970: seconds, to: &text)
        return true
    }
}
