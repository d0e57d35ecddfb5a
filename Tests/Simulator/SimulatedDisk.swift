import Glibc
import Journal

/// A file system in memory that forgets what real ones forget, and fails as they fail, by a seed.
///
/// A name is durable when its directory was synced, octets when their file was or the write was `O_DSYNC`; until then a
/// power cut leaves any part of them. After a sync that failed, the page cache shows the new octets, calls them clean, and
/// the medium has any part of them.
///
/// `@unchecked Sendable` holds because a simulation runs on one thread.
final class SimulatedDisk: @unchecked Sendable {
    static let root = "/sim"

    enum Target {
        case file(Int, isSynchronous: Bool)
        case directory(String)
    }

    var faults = Faults.none {
        didSet { if faults.isFull, !oldValue.isFull { room = random.below(12_000) } }
    }
    /// Octets that still fit onto a full disk.
    var room = 0
    /// Called before the calls that only a compaction makes: others go on with their work meanwhile.
    var onCompaction: (() -> Void)?
    /// Called when a write begins.
    var onWrite: (() -> Void)?
    /// How many calls are answered until the process dies in the middle of one; nil if it lives.
    private(set) var callsToLive: Int?
    /// Since the process died nothing it does has an effect.
    private(set) var isDead = false
    private(set) var callCount = 0
    /// Since names could not be made durable nothing is changed any more, until the machine starts again.
    var isAborted = false

    var random: SplitMix
    var files: [Int: SimulatedFile] = [:]
    var directories: [String: SimulatedDirectory] = [root: SimulatedDirectory()]
    var descriptors: [Int32: Target] = [:]
    var isLocked = false
    var nextFile = 1
    var nextDescriptor: Int32 = 3
    /// What removed and replaced files had on the medium.
    var stale: [[UInt8]] = []
    var displaced: (name: String, file: Int)?

    init(seed: UInt64) {
        random = SplitMix(seed)
    }

    // MARK: What the simulation does to it

    func fill(leaving byteCount: Int) {
        faults.isFull = true
        room = byteCount
    }

    func die(after calls: Int) { callsToLive = calls }

    /// Descriptors that are open; 0 when no process runs.
    var openCount: Int { descriptors.count }

    /// The machine starts again, or only the process does.
    func restart(powerCut: Bool) {
        descriptors = [:]
        isLocked = false
        isDead = false
        callsToLive = nil
        let isMounted = !isAborted
        isAborted = false
        if powerCut || !isMounted {
            for path in directories.keys.sorted() { directories[path]?.cutPower(&random) }
            // What is named by a directory that is gone is gone.
            for path in directories.keys.sorted() where path != Self.root {
                let name = Self.split(path).name
                if directories[Self.root]?.names[name] == nil { directories[path] = nil }
            }
            for number in files.keys.sorted() { files[number]?.cutPower(&random, stale: stale) }
            countLinks()
        }
        dropNameless()
    }

    /// Turns over one bit of a file that some directory names.
    /// - Returns: undoes it; nil if there is no file.
    func flip() -> (() -> Void)? {
        let candidates = files.keys.sorted().filter { files[$0].map { !$0.medium.isEmpty && $0.isClean } ?? false }
        guard let number = random.element(of: candidates), let before = files[number] else { return nil }
        files[number]?.flip(bit: random.below(before.medium.count * 8))
        return { self.files[number] = before }
    }

    /// Somebody moves the file away that is being written.
    func displace(_ directory: String) {
        let names = directories[directory]?.names ?? [:]
        guard let name = names.keys.filter({ $0.hasSuffix(".jrn") }).max(), let file = names[name] else { return }
        displaced = (name, file)
        directories[directory]?.unlink(name)
        directories[directory]?.synchronize()
        files[file]?.linkCount -= 1
    }

    /// And puts it back.
    func replace(_ directory: String) {
        guard let displaced else { return }
        link(directory, displaced.name, displaced.file)
        directories[directory]?.synchronize()
        self.displaced = nil
    }

    // MARK: Inside

    /// - Returns: whether the process dies in this call.
    func begin() throws(SystemError) -> Bool {
        if isDead { throw SystemError(EIO) }
        callCount += 1
        if let calls = callsToLive {
            callsToLive = calls - 1
            isDead = calls <= 0
        }
        if !isDead, random.chance(faults.interruption) { throw SystemError(EINTR) }
        return isDead
    }

    func checkNames() throws(SystemError) {
        if faults.isReadOnly || isAborted { throw SystemError(EROFS) }
        if random.chance(faults.failingName) { throw SystemError(EIO) }
    }

    func synchronize(file number: Int) throws(SystemError) {
        if random.chance(faults.failingSync) {
            files[number]?.failSync(&random, stale: stale)
            throw SystemError(EIO)
        }
        files[number]?.synchronize()
    }

    func file(_ path: String) throws(JournalError) -> SimulatedFile {
        let (directory, name) = Self.split(path)
        guard let number = directories[directory]?.names[name], let file = files[number] else {
            throw .io(function: "open", errno: ENOENT, path: path)
        }
        if faults.hasNoDescriptors { throw .io(function: "open", errno: EMFILE, path: path) }
        return file
    }

    func status(ofNumber number: Int) -> FileStatus {
        FileStatus(
            device: 1, inode: UInt64(number), linkCount: files[number]?.linkCount ?? 0,
            byteCount: UInt64(files[number]?.cached.count ?? 0))
    }

    func link(_ directory: String, _ name: String, _ file: Int) {
        directories[directory]?.link(name, file)
        files[file]?.linkCount += 1
    }

    func countLinks() {
        for number in files.keys { files[number]?.linkCount = 0 }
        for directory in directories.values {
            for number in directory.names.values { files[number]?.linkCount += 1 }
        }
    }

    /// `O_TRUNC`.
    func discard(_ number: Int) {
        if let before = files[number]?.medium { keepStale(before) }
        files[number]?.truncate(to: 0)
    }

    func isLockFile(_ number: Int) -> Bool {
        directories.values.contains { $0.names["LOCK"] == number }
    }

    /// A file that no directory names any more gives its blocks back.
    func dropNameless() {
        var kept = directories.values.reduce(into: Set<Int>()) { $0.formUnion($1.files) }
        for case .file(let number, _) in descriptors.values { kept.insert(number) }
        if let displaced { kept.insert(displaced.file) }
        for number in files.keys.sorted() where !kept.contains(number) {
            guard let file = files.removeValue(forKey: number) else { continue }
            keepStale(file.medium)
            // Or somebody else was faster.
            if random.below(2) == 0 { room += file.medium.count }
        }
    }

    func keepStale(_ octets: [UInt8]) {
        guard !octets.isEmpty else { return }
        stale.append(octets)
        if stale.count > 8 { stale.removeFirst() }
    }

    static func part(of octets: [UInt8], at offset: UInt64, _ count: Int) -> [UInt8] {
        let start = min(Int(offset), octets.count)
        return Array(octets[start..<min(start + count, octets.count)])
    }

    static func split(_ path: String) -> (directory: String, name: String) {
        let slash = path.lastIndex(of: "/") ?? path.startIndex
        return (String(path[..<slash]), String(path[path.index(after: slash)...]))
    }
}
