import Accounts
import Glibc
package import Journal
package import Platform

/// The file of the journal's high-water mark. It is outside of the state directory, so that an old copy of the
/// directory does not restore the mark too.
///
/// By default the file is `STATE.seen` next to the directory. If the state is a volume on a read-only root, as in a
/// container, that path is not writable: then it is `state.seen` in the key directory. Both files count if both exist.
package struct RollbackGuard: Sendable {
    package let paths: [String]
    /// Whether the operator configured the path, so that no other may be used.
    private let isDemanded: Bool

    package init(_ configuration: Configuration) {
        self.init(
            state: configuration.journal.statePath, keys: configuration.keys.path,
            setting: configuration.journal.seenPath)
    }

    /// - Parameters:
    ///   - state: the state directory.
    ///   - keys: the directory of the keys.
    ///   - setting: MARTLET_SEEN; nil or empty for the default paths.
    package init(state: String, keys: String, setting: String?) {
        if let setting, !setting.isEmpty {
            (paths, isDemanded) = ([setting], true)
            return
        }
        let state = Self.trimmed(state)
        let name = state.split(separator: "/").last ?? "state"
        (paths, isDemanded) = ([state + ".seen", "\(Self.trimmed(keys))/\(name).seen"], false)
    }

    private static func trimmed(_ path: String) -> String {
        var trimmed = path[...]
        while trimmed.count > 1, trimmed.hasSuffix("/") { trimmed.removeLast() }
        return String(trimmed)
    }

    /// - Returns: the recorded mark and its file; none at a first start.
    /// - Throws: a sentence if a file cannot be read or has other content.
    package func read() throws(StartError) -> [HighWaterMark] {
        var sightings: [HighWaterMark] = []
        for path in paths {
            var status = stat()
            guard unsafe lstat(path, &status) == 0 else { continue }
            let octets: [UInt8]
            do throws(FileError) {
                octets = try AtomicFile.read(path, byteCountMax: 1_024)
            } catch {
                throw StartError(error)
            }
            guard var sighting = HighWaterMark(String(decoding: octets, as: UTF8.self)) else {
                throw StartError(
                    description: "\(path) is not a file that martlet wrote. If it was edited, remove it.")
            }
            sighting.path = path
            sightings.append(sighting)
        }
        return sightings
    }

    /// The marks, if they can be read: an operator who repairs a journal may have damaged them.
    ///
    /// - Parameter report: receives a sentence if they cannot.
    package func readableMarks(_ report: (String) -> Void) -> [HighWaterMark] {
        do throws(StartError) { return try read() } catch {
            report(error.description)
            return []
        }
    }

    /// Writes to the first path that is writable.
    /// - Returns: why there is none. The service continues without the mark.
    func write(_ sighting: HighWaterMark) -> FileError? {
        var first: FileError?
        for path in paths {
            do throws(FileError) {
                try AtomicFile.replace(path, with: Array(sighting.text.utf8))
                return nil
            } catch {
                first = first ?? error
            }
        }
        return first
    }

    /// As ``write(_:)``, at the start, where a configured path must be writable.
    func writeFirst(_ sighting: HighWaterMark) throws(StartError) -> FileError? {
        let fault = write(sighting)
        guard let fault, isDemanded else { return fault }
        throw StartError(description: "\(Setting.seen.name): \(fault)", mayPass: fault.mayPass)
    }

    /// Removes the files, so that the next start accepts the journal as it is.
    /// - Throws: `.system` if an existing file cannot be removed.
    package func remove() throws(FileError) {
        for path in paths where unsafe unlink(path) != 0 && errno != ENOENT && errno != ENOTDIR {
            throw .system(call: "unlink", path: path, code: errno)
        }
    }
}
