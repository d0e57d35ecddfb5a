package import HTTPClient

/// A server whose feed is followed: its address, and the path that its endpoints are below.
package struct FollowSource: Equatable, Sendable {
    package let address: WebAddress
    /// Without a slash at its end; empty for the root.
    private let path: String

    /// - Parameter text: an https URL without query, or http to this machine.
    package init(_ text: String) throws(FetchError) {
        let address = try WebAddress(text)
        guard !address.target.contains("?") else { throw .url(text) }
        self.address = address
        var path = address.path
        while path.hasSuffix("/") { path.removeLast() }
        self.path = path
    }

    /// The URL without a slash at its end, for messages.
    package var text: String {
        let whole = address.at(path.isEmpty ? "/" : path).text
        return whole.hasSuffix("/") ? String(whole.dropLast()) : whole
    }

    func target(_ endpoint: String) -> String { path + endpoint }
}
