import Accounts
@testable import App
import Encoding
import Foundation
import JOSE
import Journal
@testable import Keys
import OpenSSL
import Platform
import Revocation
import Service
import Synchronization
import Telemetry
import Testing
import Tokens

/// A journal's directory whose writes fail while it is broken.
private final class BreakableStorage: JournalStorage {
    private let inner: DirectoryStorage
    let isBroken = Atomic<Bool>(false)

    init(path: String) { inner = DirectoryStorage(path: path) }

    func names() throws(JournalError) -> [String] { try inner.names() }
    func byteCount(of name: String) throws(JournalError) -> UInt64 { try inner.byteCount(of: name) }
    func read(_ name: String, at offset: UInt64, count: Int) throws(JournalError) -> [UInt8] {
        try inner.read(name, at: offset, count: count)
    }
    func lock() throws(JournalError) { try inner.lock() }
    func unlock() { inner.unlock() }
    func create(_ name: String, content: [UInt8]) throws(JournalError) -> any JournalFile {
        try check(name)
        return File(storage: self, name: name, inner: try inner.create(name, content: content))
    }
    func begin(_ name: String) throws(JournalError) -> any JournalFile {
        try check(name)
        return File(storage: self, name: name, inner: try inner.begin(name))
    }
    func rename(_ name: String, to newName: String) throws(JournalError) { try inner.rename(name, to: newName) }
    func truncate(_ name: String, to byteCount: UInt64) throws(JournalError) {
        try inner.truncate(name, to: byteCount)
    }
    func remove(_ name: String) throws(JournalError) { try inner.remove(name) }

    fileprivate func check(_ name: String) throws(JournalError) {
        if isBroken.load(ordering: .relaxed) { throw .io(function: "pwrite", errno: EIO, path: name) }
    }

    private final class File: JournalFile {
        private let storage: BreakableStorage
        private let name: String
        private let inner: any JournalFile

        init(storage: BreakableStorage, name: String, inner: any JournalFile) {
            self.storage = storage
            self.name = name
            self.inner = inner
        }

        func write(_ bytes: [UInt8], at offset: UInt64) throws(JournalError) {
            try storage.check(name)
            try inner.write(bytes, at: offset)
        }

        func close() { inner.close() }
    }
}

/// Lines that arrive on any thread.
final class LogLines: Sendable {
    private let lines = Mutex<[String]>([])

    var log: Log {
        Log(level: .info, form: .json, clock: SystemClock.wall) { [self] line in
            lines.withLock { $0.append(String(decoding: line, as: UTF8.self)) }
        }
    }

    func events(_ name: String) -> [String] {
        lines.withLock { lines in lines.filter { $0.contains("\"event\":\"\(name)\"") } }
    }
}

@Suite("Marks of compromised keys")
struct KeyMarkTests {
    let scratch: Scratch
    let keys: KeyDirectory
    let now = SystemClock.wall.now

    init() throws {
        scratch = try Scratch()
        keys = KeyDirectory(path: scratch["keys"])
        _ = try keys.fill([.es256], now: now)
    }

    private func keeper(_ revocations: RevocationStore, _ lines: LogLines) throws -> KeyRotationJob {
        let settings = AuthSettings(
            issuer: "https://auth.example", audiences: ["api"], algorithm: .es256, sharedSecretAudiences: [],
            extraClaims: [], accessLifetime: 600, refreshIdle: 3_600, sessionMax: 86_400, leeway: 0)
        let authState = AuthState(
            settings: settings, keyring: Published(try keys.load(now: now)),
            accounts: FileAccountSource(
                UserDirectory(), revocations: revocations, clock: SystemClock.wall, log: lines.log,
                storeHash: { _, _ in }, replaceHash: { _, _, _ in UserDirectory() }),
            clients: Published(ClientDirectory()), revocations: revocations,
            passwords: PasswordHasher(
                parameters: .standard),
            hashing: try HashingPool(workers: 1, queueCountMax: 1),
            throttle: LoginThrottle(account: .off, source: .off, key: (1, 2)), clock: SystemClock.wall,
            monotonic: { MonotonicClock.nanoseconds() / 1_000_000 }, log: lines.log,
            random: { Random.bytes($0) }, passwordRules: PasswordRules(characterCountMin: 8))
        let schedule = KeySchedule(period: 0, lead: 0, retention: KeyRetention(refreshIdle: 3_600))
        let keeper = KeyRotationJob(directory: keys, authState: authState, schedule: schedule)
        try keeper.apply(stamp: keys.stamp(), isStart: true)
        return keeper
    }

    private func options(_ storage: any JournalStorage) -> RevocationOptions {
        RevocationOptions(
            storage: storage, grace: 10_000, sessionMax: 86_400_000, clock: SystemClock.wall,
            monotonicNow: { MonotonicClock.nanoseconds() / 1_000_000 }, random: { Random.next64() })
    }

    private func compromise() throws -> String {
        let kid = try #require(try keys.read().signer(.access, .es256, at: now)?.kid)
        _ = try keys.edit(now: now) { (set) throws(KeyStepError) in
            try set.compromise(of: kid, at: now) { (purpose, algorithm) throws(KeyError) in
                try Key.generate(algorithm, purpose: purpose, createdAt: now)
            }
        }
        return kid
    }

    @Test func `a cut that could not be written is written once the journal heals, and not again after a restart`()
        throws
    {
        let storage = BreakableStorage(path: scratch["var"])
        let revocations = try RevocationStore.open(options(storage))
        let lines = LogLines()
        let keeper = try keeper(revocations, lines)
        let kid = try compromise()
        storage.isBroken.store(true, ordering: .relaxed)
        try keeper.apply(stamp: keys.stamp())
        for _ in 0..<500 where lines.events("key_cut_not_durable").isEmpty { usleep(10_000) }
        #expect(!lines.events("key_cut_not_durable").isEmpty && lines.events("key_cut").isEmpty)
        storage.isBroken.store(false, ordering: .relaxed)
        for _ in 0..<500 where lines.events("key_cut").isEmpty {
            keeper.cutCompromised()
            usleep(10_000)
        }
        #expect(lines.events("key_cut").count == 1)
        revocations.close()

        let again = try RevocationStore.open(options(DirectoryStorage(path: scratch["var"])))
        defer { again.close() }
        #expect(again.isCut(key: Array(kid.utf8)))
        let later = LogLines()
        try self.keeper(again, later).cutCompromised()
        usleep(50_000)
        #expect(later.events("key_cut").isEmpty)
    }

    /// What stands beside the mark in the directory, and part of what is said about it.
    static let broken: [(content: String, mode: Int, said: String)] = [
        ("{", 0o600, "broken.jwk"), (#"{"kty":"oct"}"#, 0o600, "broken.jwk"), ("{}", 0o644, "0644"),
    ]

    @Test(arguments: broken)
    func `a mark counts although another file cannot be used`(_ content: String, _ mode: Int, _ said: String) throws {
        let revocations = try RevocationStore.open(options(DirectoryStorage(path: scratch["var"])))
        defer { revocations.close() }
        let lines = LogLines()
        let keeper = try keeper(revocations, lines)
        let before = keeper.keyring.keys.map(\.kid)
        let kid = try compromise()
        try scratch.write(content, to: "keys/broken.jwk", mode: mode)
        let fault = #expect(throws: StartError.self) { try keeper.apply(stamp: keys.stamp()) }
        #expect(fault?.description.contains(said) == true)
        #expect(keeper.keyring.keys.map(\.kid) == before.filter { $0 != kid })
        #expect(revocations.isCut(key: Array(kid.utf8)))
        #expect(keeper.applied.first { $0.key.kid == kid }?.state == .compromised)
    }

    @Test func `a mark counts in a file that is of no use otherwise`() throws {
        let revocations = try RevocationStore.open(options(DirectoryStorage(path: scratch["var"])))
        defer { revocations.close() }
        let keeper = try keeper(revocations, LogLines())
        let key = try #require(try keys.files().first { $0.key.purpose == .access && $0.key.algorithm == .es256 })
        let mark = "{\"kid\": \"\(key.key.kid)\", \"compromised_at\": 1}"
        try scratch.write(mark, to: "keys/\(key.name)", mode: 0o644)
        let fault = #expect(throws: StartError.self) { try keeper.apply(stamp: keys.stamp()) }
        #expect(fault?.description.contains("keys/\(key.name): others may read it") == true)
        #expect(!keeper.keyring.keys.contains { $0.kid == key.key.kid })
        #expect(revocations.isCut(key: Array(key.key.kid.utf8)))
    }

    @Test func `a compromise is written although another file cannot be read, other steps are not`() throws {
        try scratch.write("{", to: "keys/broken.jwk")
        let kid = try #require(try keys.readableFiles().files.first { $0.key.algorithm == .es256 }?.key.kid)
        #expect {
            try keys.edit(now: now) { (set) throws(KeyStepError) in
                try set.promotion(of: kid, at: now, keep: { _ in 0 })
            }
        } throws: { "\($0)".contains("broken.jwk") }
        let written = try keys.edit(now: now, toleratesFaults: true) { (set) throws(KeyStepError) in
            try set.compromise(of: kid, at: now) { (purpose, algorithm) throws(KeyError) in
                try Key.generate(algorithm, purpose: purpose, createdAt: now)
            }
        }
        #expect(written.map(\.kid).contains(kid) && keys.compromisedMarks() == [kid])
    }

    @Test func `an edit of a key file by another program is kept`() throws {
        let file = try #require(try keys.files().first { $0.key.algorithm == .es256 })
        var calls = 0
        var failure: (any Error)?
        _ = try keys.edit(now: now) { (set) throws(KeyStepError) in
            calls += 1
            if calls == 1 {
                do {
                    let marked = file.key.with(file.key.lifecycle.compromised(at: now))
                    try AtomicFile.replace(scratch["keys/\(file.name)"], with: marked.privateJWK())
                } catch { failure = error }
            }
            guard let key = set.key(file.key.kid), key.lifecycle.compromisedAt == nil else { return [] }
            return [key.with(key.lifecycle.ending(at: now, keep: 1_000))]
        }
        #expect(failure == nil && calls == 2)
        #expect(try keys.read().compromised.map(\.kid) == [file.key.kid])
    }

    @Test func `no key is made or changed while the clock is before 1970`() throws {
        let fresh = KeyDirectory(path: scratch["fresh"])
        #expect { try fresh.fill(now: -1) } throws: { "\($0)".contains("the clock is before 1970") }
        #expect(!FileManager.default.fileExists(atPath: scratch["fresh"]))
        let names = scratch.names(in: "keys")
        #expect { try keys.edit(now: -1) { _ in [] } } throws: { "\($0)".contains("the clock is before 1970") }
        #expect(scratch.names(in: "keys") == names)
    }

    @Test func `a directory that others may write is rejected before keys are made in it`() throws {
        try FileManager.default.createDirectory(atPath: scratch["open"], withIntermediateDirectories: false)
        try #require(chmod(scratch["open"], 0o777) == 0)
        let open = KeyDirectory(path: scratch["open"])
        #expect { try open.fill(now: now) } throws: { "\($0)".contains("chmod o-w") }
        #expect(scratch.names(in: "open").isEmpty)
        try #require(chmod(scratch["keys"], 0o757) == 0)
        #expect { try keys.read() } throws: { "\($0)".contains("every user of this machine may write here") }
    }

    @Test func `a directory is known to be in use while a keeper lives`() throws {
        #expect(!KeyDirectoryUse.isMarked(scratch["keys"]) && !KeyDirectoryUse.isMarked(scratch["none"]))
        do {
            let use = KeyDirectoryUse(path: scratch["keys"])
            use.mark()
            use.mark()
            let other = KeyDirectoryUse(path: scratch["keys"])
            other.mark()
            #expect(KeyDirectoryUse.isMarked(scratch["keys"]))
            _ = (use, other)
        }
        #expect(!KeyDirectoryUse.isMarked(scratch["keys"]))
    }
}

extension KeyRotationJob {
    fileprivate var keyring: Keyring { authState.keyring.current }
}
