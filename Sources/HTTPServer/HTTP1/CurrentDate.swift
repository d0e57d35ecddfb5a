import Encoding
import Platform

/// The value of the `Date` field, formatted once per second.
struct CurrentDate {
    private(set) var text: [UInt8] = []
    private var seconds: UnixSeconds?

    /// Sets the current time.
    ///
    /// - Returns: whether the text has changed.
    mutating func setTime(_ seconds: UnixSeconds) -> Bool {
        guard seconds != self.seconds else { return false }
        self.seconds = seconds
        text.removeAll(keepingCapacity: true)
        HTTPDate.write(secondsSince1970: seconds, to: &text)
        return true
    }
}
