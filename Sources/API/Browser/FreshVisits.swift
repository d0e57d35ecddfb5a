import Synchronization

/// Counts how often browsers come to `/refresh` with an access token that is still new.
///
/// Another tab may have refreshed it just now, so a browser with a new token is sent on to its page. If a gateway does
/// not pass cookies on, it sends the browser back here, and so on. The browser would give up after about 20 redirects,
/// with an error that explains nothing.
final class FreshVisits: Sendable {
    /// Several tabs may restore the same page. Each visit is two redirects of the 20 that browsers follow.
    static let countMax: UInt8 = 5
    /// Tokens and pages that share a place forget each other's count.
    private static let placeCount = 256

    private struct Place {
        var key = 0
        var count: UInt8 = 0
    }

    private let places = Mutex([Place](repeating: Place(), count: placeCount))

    /// - Parameters:
    ///   - token: as the cookie has it.
    ///   - address: where the browser wants to go.
    /// - Returns: whether to send the browser on to its page once more.
    func admit(_ token: some Sequence<UInt8>, to address: ReturnAddress) -> Bool {
        var hasher = Hasher()
        for byte in token { hasher.combine(byte) }
        hasher.combine(address.text)
        let key = hasher.finalize()
        let index = Int(UInt(bitPattern: key) % UInt(Self.placeCount))
        return places.withLock { places in
            guard places.indices.contains(index) else { return true }
            if places[index].key != key { places[index] = Place(key: key) }
            guard places[index].count < Self.countMax else { return false }
            places[index].count += 1
            return true
        }
    }
}
