import Accounts
import Glibc
package import Token

extension KeyDirectory {
    /// How long a file of a key past its end is kept, so that an operator can look at what was: a day, in milliseconds.
    private static let afterlife: Int64 = 86_400_000

    /// Reads the keys, and writes those that `change` gives back, first to last, while no other process changes any.
    ///
    /// Keys that were there are replaced in their file, others get one of their own. Before anything is written, the set that
    /// would come out is tried.
    /// - Parameter patienceMilliseconds: how long to wait for another process.
    /// - Returns: the keys written.
    package func edit(
        now: Int64, patienceMilliseconds: Int = 10_000, _ change: (KeySet) throws(KeyStepFault) -> [Key]
    ) throws(KeyDirectoryFault) -> [Key] {
        let outcome: Result<[Key], KeyDirectoryFault>
        do {
            outcome = try AtomicFile.withLock(path + "/.keys", patienceMilliseconds: patienceMilliseconds) {
                () throws(AccountsFault) in
                do throws(KeyDirectoryFault) {
                    return .success(try changing(now: now, change))
                } catch {
                    return .failure(error)
                }
            }
        } catch {
            throw KeyDirectoryFault(description: "\(error)")
        }
        return try outcome.get()
    }

    private func changing(
        now: Int64, _ change: (KeySet) throws(KeyStepFault) -> [Key]
    ) throws(KeyDirectoryFault) -> [Key] {
        let files = try files()
        let changed: [Key]
        do { changed = try change(KeySet(files.map(\.key))) } catch { throw KeyDirectoryFault(description: "\(error)") }
        let kept = files.map(\.key).filter { old in !changed.contains { $0.kid == old.kid } }
        _ = try keyring(of: KeySet(kept + changed), now: now)
        for key in changed {
            try write(key, to: files.first { $0.key.kid == key.kid }?.name ?? Self.name(of: key))
        }
        for (name, key) in files where !changed.contains(where: { $0.kid == key.kid }) {
            guard let end = key.lifecycle.verifiesUntil, end < now - Self.afterlife else { continue }
            guard unsafe unlink(path + "/" + name) == 0 || errno == ENOENT else {
                throw fault("unlink", path + "/" + name)
            }
        }
        return changed
    }
}
