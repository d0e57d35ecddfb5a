import Glibc
package import Platform

extension KeyDirectory {
    /// How long a file of a key past its end is kept, so that an operator can inspect it: a day, in milliseconds.
    private static let afterlife: Int64 = 86_400_000

    /// Reads the keys, and writes those that `change` returns, first to last, while no other process changes any.
    ///
    /// Keys that were there are replaced in their file, others get one of their own. Before anything is written, the set that
    /// would come out is tried.
    /// - Parameters:
    ///   - patienceMilliseconds: how long to wait for another process.
    ///   - toleratesFaults: whether unreadable files are skipped instead of reported, for changes that must not wait.
    /// - Returns: the keys written.
    package func edit(
        now: UnixMilliseconds, patienceMilliseconds: Int = 10_000, toleratesFaults: Bool = false,
        _ change: (KeySet) throws(KeyStepError) -> [Key]
    ) throws(KeyDirectoryError) -> [Key] {
        try Self.checkClock(now)
        return try AtomicFile.withLock(
            path + "/.keys", patienceMilliseconds: patienceMilliseconds, KeyDirectoryError.init
        ) { () throws(KeyDirectoryError) in try changing(now, toleratesFaults, change) }
    }

    /// How often an edit starts over because another program changed a file meanwhile.
    private static let attemptCountMax = 8

    private func changing(
        _ now: UnixMilliseconds, _ toleratesFaults: Bool, _ change: (KeySet) throws(KeyStepError) -> [Key]
    ) throws(KeyDirectoryError) -> [Key] {
        for _ in 0..<Self.attemptCountMax {
            let (files, faults) = try readableFiles()
            if let fault = faults.first, !toleratesFaults { throw fault }
            let changed: [Key]
            do { changed = try change(KeySet(files.map(\.key))) } catch {
                // A key that is not found may be in a file that cannot be read.
                throw KeyDirectoryError(description: "\(error)" + faults.map { "; \($0)" }.joined())
            }
            let kept = files.map(\.key).filter { old in !changed.contains { $0.kid == old.kid } }
            // A skipped file may contain what the set lacks.
            if faults.isEmpty { _ = try keyring(of: KeySet(kept + changed), now: now) }
            guard try write(changed, over: files) else { continue }
            try removeEnded(files.filter { file in !changed.contains { $0.kid == file.key.kid } }, now)
            return changed
        }
        throw KeyDirectoryError(description: "\(FileError.changed(path: path))")
    }

    /// - Returns: `false` if another program changed one of the files since it was read.
    private func write(_ changed: [Key], over files: [KeyFile]) throws(KeyDirectoryError) -> Bool {
        for key in changed {
            let old = files.first { $0.key.kid == key.kid }
            guard try write(key, to: old?.name ?? Self.name(of: key), over: old?.stamp ?? .missing) else {
                return false
            }
        }
        return true
    }

    private func removeEnded(_ files: [KeyFile], _ now: UnixMilliseconds) throws(KeyDirectoryError) {
        for file in files {
            guard let end = file.key.lifecycle.verifiesUntil, end < now.adding(milliseconds: -Self.afterlife) else {
                continue
            }
            guard unsafe unlink(path + "/" + file.name) == 0 || errno == ENOENT else {
                throw fault("unlink", path + "/" + file.name)
            }
        }
    }
}
