import Accounts
import Encoding
import Glibc
import Journal
import Keys
import OpenSSL
import Platform
import Revocation
import Tokens

/// Finds the mistakes in files that a start would report: `martlet serve --check`.
///
/// Changes nothing, takes no lock, and may run while the service runs.
package enum StartCheck {
    /// - Returns: one sentence for each mistake; empty if there are none.
    package static func mistakes(_ configuration: Configuration) -> [String] {
        let isFollower = !configuration.follow.sources.isEmpty
        let files = AccountFiles(configuration, hasUsers: !isFollower)
        var mistakes: [String] = []
        func check(_ body: () throws(StartError) -> Void) {
            do throws(StartError) { try body() } catch { mistakes.append(error.description) }
        }
        var clients = ClientDirectory()
        check { () throws(StartError) in _ = try files.users() }
        check { () throws(StartError) in clients = try files.clients() }
        check { () throws(StartError) in try configuration.passwords.check() }
        check { () throws(StartError) in _ = try configuration.pages.site(publicPath: "") }
        check { () throws(StartError) in
            guard !isFollower else { return }
            let keys = KeyDirectory(path: configuration.keys.path)
            guard let keyring = try ServiceContainer.keyring(keys) else {
                return try checkPlace(configuration.keys.path)
            }
            try ServiceContainer.checkSigners(keyring, configuration, clients)
        }
        check { () throws(StartError) in _ = try ServiceContainer.providedTLS(configuration) }
        check { () throws(StartError) in try checkPlace(configuration.journal.statePath) }
        if isFollower {
            check { () throws(StartError) in try ServiceContainer.checkNoJournal(configuration.journal.statePath) }
        } else if FileStamp(configuration.journal.statePath).exists {
            check { () throws(StartError) in try checkJournal(configuration) }
        }
        if let path = configuration.journal.seenPath {
            check { () throws(StartError) in try checkSighting(path) }
        }
        for path in paths(configuration) {
            check { () throws(StartError) in try checkParent(of: path) }
        }
        return mistakes
    }

    /// A directory that a start would create if it is missing.
    private static func checkPlace(_ path: String) throws(StartError) {
        let stamp = FileStamp(path)
        guard stamp.exists else { return try checkParent(of: path) }
        guard stamp.mode & S_IFMT == S_IFDIR else { throw StartError(description: "\(path): this is not a directory") }
        guard unsafe access(path, R_OK | W_OK | X_OK) == 0 else {
            throw StartError(
                description: FileErrorText.text(path, "access", errno))
        }
    }

    private static func checkParent(of path: String) throws(StartError) {
        let parent = Directory.parent(of: path)
        let stamp = FileStamp(parent)
        guard stamp.exists, stamp.mode & S_IFMT == S_IFDIR else {
            throw StartError(
                description:
                    "\(path): the directory \(Directory.absolute(parent)) does not exist. Create it, or name another path"
            )
        }
        guard unsafe access(parent, W_OK | X_OK) == 0 else {
            throw StartError(description: FileErrorText.text(Directory.absolute(parent), "access", errno))
        }
    }

    /// The file in MARTLET_SEEN is replaced by renaming, so its directory must be writable.
    private static func checkSighting(_ path: String) throws(StartError) {
        guard FileStamp(path).mode & S_IFMT != S_IFDIR else {
            throw StartError(description: "\(Setting.seen.name): \(path) is a directory; name a file")
        }
        do throws(StartError) { try checkParent(of: path) } catch {
            throw StartError(description: "\(Setting.seen.name): \(error.description)")
        }
    }

    /// Files and sockets that a start creates.
    private static func paths(_ configuration: Configuration) -> [String] {
        var paths: [String] = []
        for case .unix(let path, _) in (configuration.listen.addresses + configuration.listen.operatorAddresses).map(
            \.place)
        {
            paths.append(path)
        }
        if let path = configuration.listen.handoverPath { paths.append(path) }
        if case .file(let path) = configuration.log.accessLog, !FileStamp(path).exists { paths.append(path) }
        return paths
    }

    /// Whether a running service uses the journal. Then its addresses are in use, which is not a mistake.
    package static func isServed(_ configuration: Configuration) -> Bool {
        StateLock.isHeld(configuration.journal.statePath)
    }

    private static func checkJournal(_ configuration: Configuration) throws(StartError) {
        let path = configuration.journal.statePath
        do {
            let sightings = try RollbackGuard(configuration).read()
            let inspection = try JournalInspection(DirectorySnapshot(path: path), RevocationCodec.schema)
            if let damage = inspection.findings.first(where: \.isDamage) {
                throw StartError(
                    description: "\(path)/\(damage.file) at \(damage.offset): \(damage.sentence). "
                        + "martlet journal verify --state \(path) lists all damage")
            }
            let store = inspection.snapshot?.header.store ?? inspection.segments.first?.header.store
            for sighting in sightings { try sighting.check(store: store, lastSeq: inspection.lastSeq) }
        } catch {
            throw (error as? StartError) ?? StartError(description: "\(error)")
        }
    }
}
