import Accounts
import OpenSSL
import Synchronization

/// Hashes the passwords of an import on all processors.
enum ImportHashing {
    /// Replaces the hash of each user with a password.
    ///
    /// - Throws: `.accounts` if threads or memory run out.
    static func hash(
        _ users: inout [ImportedUser], _ hasher: PasswordHasher, _ progress: ProgressLine
    ) throws(CommandError) {
        let wanted = users.indices.filter { users[$0].password != nil }
        guard !wanted.isEmpty else { return }
        progress.begin("hashing", totalCount: wanted.count)
        let hashes = Results()
        do throws(AccountsError) {
            let pool = try HashingPool(workers: Environment.coreCount, queueCountMax: wanted.count)
            for index in wanted {
                guard let password = users[index].password else { continue }
                _ = pool.submit {
                    hashes.add(index) { () throws(AccountsError) in
                        try hasher.hash(password, salt: Random.bytes(PasswordHasher.saltByteCount))
                    }
                    progress.advance(by: 1)
                }
            }
            // Waits for all of them.
            pool.close()
            for (index, hash) in try hashes.all() { users[index].user.passwordHash = hash }
        } catch {
            throw .accounts(error)
        }
    }

    /// Collects what the threads have made.
    private final class Results: Sendable {
        private let state = Mutex<(hashes: [(index: Int, hash: String)], fault: AccountsError?)>(([], nil))

        /// After the first error, nothing more is made.
        func add(_ index: Int, _ make: () throws(AccountsError) -> String) {
            guard state.withLock({ $0.fault == nil }) else { return }
            do throws(AccountsError) {
                let hash = try make()
                state.withLock { $0.hashes.append((index, hash)) }
            } catch {
                let fault = error
                state.withLock { $0.fault = $0.fault ?? fault }
            }
        }

        func all() throws(AccountsError) -> [(index: Int, hash: String)] {
            let (hashes, fault) = state.withLock { ($0.hashes, $0.fault) }
            if let fault { throw fault }
            return hashes
        }
    }
}
