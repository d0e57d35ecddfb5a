import CLinux
import Encoding
import Glibc
import Journal
import Platform
import Revocation
import Synchronization

func revocationOptions(_ directory: String) -> RevocationOptions {
    RevocationOptions(
        directory: directory, grace: 10_000, sessionMax: 90 * day, clock: WallClock { wallClock() },
        monotonicNow: { nanoseconds() / 1_000_000 },
        random: {
            var generator = SystemRandomNumberGenerator()
            return generator.next()
        })
}

/// One write of 4 KiB over octets that are there, durable when it returns: the disk's own limit for a lone commit.
func measureSync(_ directory: String) throws {
    let path = directory + "/sync.probe"
    let file = unsafe open(path, O_RDWR | O_CREAT | O_TRUNC | O_DSYNC | O_CLOEXEC, 0o600)
    guard file >= 0 else { throw JournalError.io(function: "open", errno: errno, path: path) }
    defer {
        close(file)
        unsafe unlink(path)
    }
    let zeros = [UInt8](repeating: 0, count: 1 << 20)
    _ = unsafe pwrite(file, zeros, zeros.count, 0)
    var lone: [Int64] = []
    for round in 0..<4_000 {
        let began = nanoseconds()
        // As a commit of one record: 64 octets in place.
        guard unsafe pwrite(file, zeros, 64, off_t(round % 16_384 * 64)) == 64 else {
            throw JournalError.io(function: "pwrite", errno: errno, path: path)
        }
        lone.append(nanoseconds() - began)
    }
    say("sync_mean_us", Double(lone.reduce(0, +)) / Double(lone.count) / 1e3)
    say("sync_p50_us", Double(quantile(0.5, of: lone)) / 1e3)
    say("sync_p99_us", Double(quantile(0.99, of: lone)) / 1e3)
    say("sync_per_second", 1e9 * Double(lone.count) / Double(lone.reduce(0, +)))
}

/// Reading, checking and decoding alone; nothing is made of the records.
func measureReading(_ directory: String) throws {
    let storage = DirectoryStorage(path: directory)
    let began = nanoseconds()
    let processor = processorNanoseconds()
    var reader = try JournalReader(storage, RevocationCodec.schema)
    var count = 0
    try reader.replay { count += $0.count }
    let elapsed = nanoseconds() - began
    say("read_processor_ns_per_record", Double(processorNanoseconds() - processor) / Double(max(1, count)))
    storage.unlock()
    say("read_records", Double(count))
    say("read_records_per_second", Double(count) * 1e9 / Double(elapsed))
}

func measureOpening(_ directory: String) throws {
    let resident = residentByteCount()
    let began = nanoseconds()
    let processor = processorNanoseconds()
    let store = try RevocationStore.open(revocationOptions(directory))
    let elapsed = nanoseconds() - began
    say("open_processor_seconds", Double(processorNanoseconds() - processor) / 1e9)
    let counts = store.counts
    let entries = counts.revokedTokens + counts.rotatedSessions + store.listedSessionCount
    let records = Double(store.startReport.journal.recordCount)
    say("open_seconds", Double(elapsed) / 1e9)
    say("open_records_per_second", records * 1e9 / Double(elapsed))
    say("open_entries", Double(entries))
    say("open_octets_per_entry", Double(residentByteCount() - resident) / Double(max(1, entries)))
    say("open_resident_mebibytes", Double(residentByteCount()) / 1_048_576)
    measureLookups(store)
    if store.listedSessionCount > 0 { measureLists(store) }
    store.close()
}

/// Lists the sessions of the same 40 subjects, whatever else there is.
private func measureLists(_ store: RevocationStore) {
    let subjects = (2..<42).map { Array("subject \($0)".utf8) }
    let now = wallClock()
    var least = Int64.max
    var count = 0
    for _ in 0..<50 {
        count = 0
        let processor = processorNanoseconds()
        for subject in subjects { count += store.sessions(of: subject.span, at: now).count }
        least = min(least, processorNanoseconds() - processor)
    }
    say("list_sessions", Double(count) / Double(subjects.count))
    say("list_processor_ns", Double(least) / Double(subjects.count))
}

/// Looks for tokens that nobody revoked, with ends where the revoked ones have theirs.
private func measureLookups(_ store: RevocationStore) {
    var numbers = Numbers(seed: 99)
    let now = wallClock()
    let probes = (0..<2_000_000).map { number in
        (revokedID(&numbers), now.adding(milliseconds: hour / 2 + Int64(number & 0x1f_ffff)))
    }
    var fastest = Int64.max
    var leastProcessor = Int64.max
    var found = 0
    for _ in 0..<3 {
        let began = nanoseconds()
        let processor = processorNanoseconds()
        for (id, end) in probes
        where store.denial(
            jti: id, sid: nil, issuedAt: now, expiresAt: end, subject: Span(), client: Span(), kid: Span()) != nil
        {
            found += 1
        }
        fastest = min(fastest, nanoseconds() - began)
        leastProcessor = min(leastProcessor, processorNanoseconds() - processor)
    }
    precondition(found == 0, "nobody revoked these")
    say("lookup_absent_ns", Double(fastest) / Double(probes.count))
    say("lookup_absent_processor_ns", Double(leastProcessor) / Double(probes.count))
}

/// Revokes one token after the other and looks tokens up meanwhile: first without, then with a compaction under way.
func measureCompaction(_ directory: String, seconds: Int64) throws {
    let store = try RevocationStore.open(revocationOptions(directory))
    defer { store.close() }
    let quiet = Load(store)
    quiet.run(until: { nanoseconds() > quiet.began + seconds * 1_000_000_000 })
    let report = Mutex<Result<CompactionReport, JournalError>?>(nil)
    let busy = Load(store)
    let thread = Worker {
        // As the service's own thread for it.
        clinux_stand_back()
        do throws(JournalError) {
            let done = try store.compact(now: wallClock(), monotonic: nanoseconds() / 1_000_000)
            report.withLock { $0 = .success(done) }
        } catch {
            report.withLock { $0 = .failure(error) }
        }
    }
    busy.run(until: { report.withLock { $0 != nil } })
    thread.join()
    guard let done = try report.withLock({ $0 })?.get() else { return }
    say("compaction_read_records", Double(done.readCount))
    say("compaction_kept_records", Double(done.keptCount))
    say("compaction_seconds", Double(nanoseconds() - busy.began) / 1e9)
    for (name, load) in [("quiet", quiet), ("compacting", busy)] {
        let commits = load.commits.withLock { $0 }
        let lookups = load.lookups.withLock { $0 }
        say("\(name)_revoke_p50_us", Double(quantile(0.5, of: commits)) / 1e3)
        say("\(name)_revoke_p99_us", Double(quantile(0.99, of: commits)) / 1e3)
        say("\(name)_revoke_max_us", Double(commits.max() ?? 0) / 1e3)
        say("\(name)_lookup_p50_ns", Double(quantile(0.5, of: lookups)))
        say("\(name)_lookup_p99_ns", Double(quantile(0.99, of: lookups)))
        say("\(name)_lookup_p999_ns", Double(quantile(0.999, of: lookups)))
    }
}

/// A client that revokes, one answer after the other, and looks up in between.
private final class Load: Sendable {
    let commits = Mutex<[Int64]>([])
    let lookups = Mutex<[Int64]>([])
    let began = nanoseconds()
    private let store: RevocationStore

    init(_ store: RevocationStore) { self.store = store }

    func run(until isOver: () -> Bool) {
        var generator = SystemRandomNumberGenerator()
        while !isOver() {
            let id = UUID(high: generator.next(), low: generator.next())
            let end = wallClock().adding(milliseconds: hour)
            let countdown = Countdown()
            let began = nanoseconds()
            countdown.begin()
            let finished = Atomic<Int64>(0)
            store.revokeToken(id, expiresAt: end) { result in
                finished.store(nanoseconds(), ordering: .releasing)
                if case .success = result { countdown.end(true) } else { countdown.end(false) }
            }
            while !countdown.isDone {
                let from = nanoseconds()
                _ = store.denial(
                    jti: UUID(high: generator.next(), low: 1), sid: nil, issuedAt: end, expiresAt: end,
                    subject: Span(), client: Span(), kid: Span())
                lookups.withLock { $0.append(nanoseconds() - from) }
                usleep(20)
            }
            commits.withLock { $0.append(finished.load(ordering: .acquiring) - began) }
        }
    }
}

/// A thread that runs one function.
@safe final class Worker: Sendable {
    private let thread: pthread_t

    init(_ body: @escaping @Sendable () -> Void) {
        final class Box: Sendable {
            let body: @Sendable () -> Void
            init(_ body: @escaping @Sendable () -> Void) { self.body = body }
        }
        var thread = pthread_t()
        let box = unsafe Unmanaged.passRetained(Box(body))
        let code = unsafe pthread_create(
            &thread, nil,
            { argument in
                if let argument = unsafe argument {
                    unsafe Unmanaged<Box>.fromOpaque(argument).takeRetainedValue().body()
                }
                return nil
            }, box.toOpaque())
        precondition(code == 0, "no thread")
        self.thread = thread
    }

    func join() { pthread_join(thread, nil) }
}
