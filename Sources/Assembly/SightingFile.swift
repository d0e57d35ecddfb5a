import Accounts
import Glibc
package import Journal

/// Where it is written down how far the journal has come: beside the state directory and not in it, so that whoever puts
/// back an old one does not put back this as well. Not in the key directory: several services may share that one.
package struct SightingFile: Sendable {
    package let path: String

    /// - Parameter state: the state directory.
    package init(state: String) {
        var trimmed = state[...]
        while trimmed.count > 1, trimmed.hasSuffix("/") { trimmed.removeLast() }
        path = trimmed + ".seen"
    }

    /// - Returns: nil if nothing was written down.
    /// - Throws: a sentence if the file cannot be read or holds something else.
    package func read() throws(StartFault) -> JournalSighting? {
        guard unsafe access(path, F_OK) == 0 else { return nil }
        do throws(AccountsFault) {
            let octets = try AtomicFile.read(path, byteCountMax: 1_024)
            if let sighting = JournalSighting(String(decoding: octets, as: UTF8.self)) { return sighting }
        } catch {
            throw StartFault(description: "\(error)")
        }
        throw StartFault(description: "\(path) is not what martlet writes there. If it was edited, remove it.")
    }

    /// - Returns: why it could not be written; the service goes on without.
    func write(_ sighting: JournalSighting) -> String? {
        do throws(AccountsFault) {
            try AtomicFile.replace(path, with: Array(sighting.text.utf8))
            return nil
        } catch {
            return "\(error)"
        }
    }
}
