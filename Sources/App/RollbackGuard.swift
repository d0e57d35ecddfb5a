import Accounts
import Glibc
package import Journal
package import Platform

/// Where it is written down how far the journal has come: not in the state directory, so that an old copy that is put back
/// does not bring back this as well.
///
/// By default that is `STATE.seen` beside the directory. Where the state is a volume of its own on a read-only root, as in a
/// container, nothing can be written there: then it is `state.seen` in the directory of the keys. What either says counts.
package struct RollbackGuard: Sendable {
    package let paths: [String]
    /// Whether the one path is what the operator wants, and no other will do.
    private let isDemanded: Bool

    package init(_ configuration: Configuration) {
        self.init(state: configuration.statePath, keys: configuration.keysPath, setting: configuration.seenPath)
    }

    /// - Parameters:
    ///   - state: the state directory.
    ///   - keys: the directory of the keys.
    ///   - setting: MARTLET_SEEN; nil or empty for the usual places.
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

    /// - Returns: what was written down, and where; none at a first start.
    /// - Throws: a sentence if a file cannot be read or holds something else.
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

    /// Writes to the first place that can be written.
    /// - Returns: why there is none; the service goes on without.
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

    /// As ``write(_:)`` at the start, where a place that was asked for must do.
    func writeFirst(_ sighting: HighWaterMark) throws(StartError) -> FileError? {
        let fault = write(sighting)
        guard let fault, isDemanded else { return fault }
        throw StartError(description: "\(Setting.seen.rawValue): \(fault)", mayPass: fault.mayPass)
    }

    /// Takes them away, so that a start believes the journal as it is.
    /// - Throws: `.system` if one that is there cannot be removed.
    package func remove() throws(FileError) {
        for path in paths where unsafe unlink(path) != 0 && errno != ENOENT && errno != ENOTDIR {
            throw .system(call: "unlink", path: path, code: errno)
        }
    }
}
