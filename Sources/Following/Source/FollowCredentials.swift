package import HTTPClient
internal import Platform

/// Reads the file with the id and the secret with which a follower authenticates.
package enum FollowCredentials {
    private static let byteCountMax = 4_096

    /// - Throws: a sentence that names the file and never its content.
    package static func read(_ path: String) throws(FollowStartError) -> BasicCredentials {
        let bytes: [UInt8]
        do throws(FileError) {
            bytes = try AtomicFile.read(path, byteCountMax: byteCountMax)
        } catch {
            throw FollowStartError("\(error)", mayPass: error.mayPass)
        }
        var line = bytes[...]
        if line.last == 0x0A { line.removeLast() }
        if line.last == 0x0D { line.removeLast() }
        guard let text = String(validating: line, as: UTF8.self), line.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }),
            let colon = text.firstIndex(of: ":"), colon > text.startIndex,
            text.index(after: colon) < text.endIndex
        else {
            throw FollowStartError(
                "\(path): this is not one line of the form client_id:secret. Write the id of a client with the scope "
                    + "revocations:read, a colon and its secret")
        }
        return BasicCredentials(id: String(text[..<colon]), secret: String(text[text.index(after: colon)...]))
    }
}

/// Why a follower cannot start: a sentence that names the file or the setting and the remedy.
package struct FollowStartError: Error, Equatable, Sendable, CustomStringConvertible {
    package let description: String
    /// Whether a later start may succeed without a change of settings or files.
    package let mayPass: Bool

    package init(_ description: String, mayPass: Bool = false) {
        self.description = description
        self.mayPass = mayPass
    }
}
