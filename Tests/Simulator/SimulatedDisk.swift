import Glibc
import Journal

/// A file system in memory that forgets what real ones forget, and fails as they fail, by a seed.
///
/// A name is durable when its directory was synced, octets when their file was or the write was `O_DSYNC`; until then a
/// power cut leaves any part of them. After a sync that failed, the page cache shows the new octets, calls them clean, and
/// the medium has any part of them.
///
/// `@unchecked Sendable` holds because a simulation runs on one thread.
final class SimulatedDisk: SystemCalls, @unchecked Sendable {
    static let root = "/sim"

    private enum Target {
        case file(Int, isSynchronous: Bool)
        case directory(String)
    }

    var faults = Faults.none {
        didSet { if faults.isFull, !oldValue.isFull { room = random.below(12_000) } }
    }
    /// Octets that still fit onto a full disk.
    private var room = 0
    /// Called before the calls that only a compaction makes: others go on with their work meanwhile.
    var onCompaction: (() -> Void)?
    /// How many calls are answered until the process dies in the middle of one; nil if it lives.
    private(set) var callsToLive: Int?
    /// Since the process died nothing it does has an effect.
    private(set) var isDead = false
    private(set) var callCount = 0
    /// Since names could not be made durable nothing is changed any more, until the machine starts again.
    private(set) var isAborted = false

    private var random: SplitMix
    private var files: [Int: SimulatedFile] = [:]
    private var directories: [String: SimulatedDirectory] = [root: SimulatedDirectory()]
    private var descriptors: [Int32: Target] = [:]
    private var isLocked = false
    private var nextFile = 1
    private var nextDescriptor: Int32 = 3
    /// What removed and replaced files had on the medium.
    private var stale: [[UInt8]] = []
    private var displaced: (name: String, file: Int)?

    init(seed: UInt64) {
        random = SplitMix(seed)
    }

    // MARK: What the simulation does to it

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

    // MARK: The calls

    func open(_ path: String, _ mode: OpenMode) throws(SystemError) -> Int32 {
        if path.hasSuffix(".snap.tmp") { onCompaction?() }
        let isLast = try begin()
        if faults.hasNoDescriptors { throw SystemError(EMFILE) }
        let (directory, name) = Self.split(path)
        let target: Target
        switch mode {
        case .directory:
            guard directories[path] != nil else { throw SystemError(ENOENT) }
            target = .directory(path)
        case .existing:
            if faults.isReadOnly || isAborted { throw SystemError(EROFS) }
            guard let file = directories[directory]?.names[name] else { throw SystemError(ENOENT) }
            target = .file(file, isSynchronous: false)
        case .lock, .draft, .unsettledDraft:
            if faults.isReadOnly || isAborted { throw SystemError(EROFS) }
            if random.chance(faults.failingName) { throw SystemError(EIO) }
            guard let names = directories[directory]?.names else { throw SystemError(ENOENT) }
            if let file = names[name] {
                target = .file(file, isSynchronous: mode == .draft)
                if mode != .lock { discard(file) }
            } else {
                files[nextFile] = SimulatedFile()
                link(directory, name, nextFile)
                target = .file(nextFile, isSynchronous: mode == .draft)
                nextFile += 1
            }
        }
        if isLast { throw SystemError(EIO) }
        defer { nextDescriptor += 1 }
        descriptors[nextDescriptor] = target
        return nextDescriptor
    }

    func close(_ file: Int32) {
        guard let target = descriptors.removeValue(forKey: file) else { return }
        guard case .file(let number, _) = target else { return }
        if isLockFile(number) { isLocked = false }
        dropNameless()
    }

    func write(_ octets: [UInt8], from start: Int, to file: Int32, at offset: UInt64) throws(SystemError) -> Int {
        guard case .file(_, let isSynchronous) = descriptors[file] else { throw SystemError(EBADF) }
        return try write(octets, from: start, to: file, at: offset, isSynchronous: isSynchronous)
    }

    /// - Parameter isSynchronous: whether the file counts as opened with `O_DSYNC`.
    func write(
        _ octets: [UInt8], from start: Int, to file: Int32, at offset: UInt64, isSynchronous: Bool
    ) throws(SystemError) -> Int {
        let isLast = try begin()
        guard case .file(let number, _) = descriptors[file], let size = files[number]?.cached.count
        else { throw SystemError(EBADF) }
        if faults.isReadOnly || isAborted { throw SystemError(EROFS) }
        if random.chance(faults.failingWrite) { throw SystemError(EIO) }
        let offset = Int(offset)
        var end = octets.count
        if random.chance(faults.shortWrite) { end = start + 1 + random.below(end - start) }
        if isLast { end = start + random.below(end - start + 1) }
        if faults.isFull, offset + (end - start) > size {
            // What little is left is enough for a part.
            let count = min(end - start, max(0, size - offset) + room)
            guard count > 0 else { throw SystemError(ENOSPC) }
            end = start + count
            room -= max(0, offset + count - size)
        }
        files[number]?.write(octets[start..<end], at: offset)
        if isLast, random.below(2) == 0 { throw SystemError(EIO) }
        if isSynchronous { try synchronize(file: number) }
        if isLast { throw SystemError(EIO) }
        return end - start
    }

    func synchronize(_ file: Int32) throws(SystemError) {
        let isLast = try begin()
        if isLast, random.below(2) == 0 { throw SystemError(EIO) }
        if isAborted { throw SystemError(EROFS) }
        switch descriptors[file] {
        case .file(let number, _): try synchronize(file: number)
        case .directory(let path):
            if random.chance(faults.failingSync) {
                // Names are the file system's own: it does not go on after it could not write them, or it tries again.
                isAborted = random.below(2) == 0
                throw SystemError(EIO)
            }
            directories[path]?.synchronize()
            dropNameless()
        case nil: throw SystemError(EBADF)
        }
        if isLast { throw SystemError(EIO) }
    }

    /// Makes nothing durable, so a disk that does nothing at all is within its rights.
    func writeBack(_ file: Int32, from offset: UInt64, count: Int, waits: Bool) throws(SystemError) {
        let isLast = try begin()
        if isLast || random.chance(faults.failingWrite) { throw SystemError(EIO) }
    }

    func truncate(_ file: Int32, to byteCount: UInt64) throws(SystemError) {
        let isLast = try begin()
        guard case .file(let number, _) = descriptors[file] else { throw SystemError(EBADF) }
        if random.chance(faults.failingWrite) { throw SystemError(EIO) }
        if let before = files[number]?.medium, before.count > Int(byteCount) { keepStale(before) }
        files[number]?.truncate(to: Int(byteCount))
        if isLast { throw SystemError(EIO) }
    }

    func rename(_ path: String, to newPath: String) throws(SystemError) {
        if path.hasSuffix(".snap.tmp") { onCompaction?() }
        let isLast = try begin()
        try checkNames()
        let (directory, name) = Self.split(path)
        let newName = Self.split(newPath).name
        guard directories[directory]?.names[name] != nil else { throw SystemError(ENOENT) }
        if let replaced = directories[directory]?.names[newName] { files[replaced]?.linkCount -= 1 }
        directories[directory]?.rename(name, to: newName)
        dropNameless()
        if isLast { throw SystemError(EIO) }
    }

    func unlink(_ path: String) throws(SystemError) {
        // The writer itself removes drafts of segments and the reserve.
        if path.hasSuffix(".jrn") || path.hasSuffix(".snap") || path.hasSuffix(".snap.tmp") { onCompaction?() }
        let isLast = try begin()
        try checkNames()
        let (directory, name) = Self.split(path)
        guard let file = directories[directory]?.names[name] else { throw SystemError(ENOENT) }
        directories[directory]?.unlink(name)
        files[file]?.linkCount -= 1
        dropNameless()
        if isLast { throw SystemError(EIO) }
    }

    func makeDirectory(_ path: String) throws(SystemError) {
        let isLast = try begin()
        guard directories[path] == nil else { throw SystemError(EEXIST) }
        try checkNames()
        directories[path] = SimulatedDirectory()
        directories[Self.root]?.link(Self.split(path).name, 0)
        if isLast { throw SystemError(EIO) }
    }

    func lock(_ file: Int32) throws(SystemError) {
        if isLocked { throw SystemError(EWOULDBLOCK) }
        isLocked = true
    }

    func names(in path: String) throws(SystemError) -> [String] {
        guard let directory = directories[path] else { throw SystemError(ENOENT) }
        return directory.names.keys.sorted()
    }

    func status(of path: String) throws(SystemError) -> FileStatus {
        let (directory, name) = Self.split(path)
        guard let file = directories[directory]?.names[name] else { throw SystemError(ENOENT) }
        return status(ofNumber: file)
    }

    func status(of file: Int32) throws(SystemError) -> FileStatus {
        guard case .file(let number, _) = descriptors[file] else { throw SystemError(EBADF) }
        return status(ofNumber: number)
    }

    func read(_ path: String, at offset: UInt64, count: Int) throws(JournalFault) -> [UInt8] {
        Self.part(of: try file(path).direct, at: offset, count)
    }

    /// As if the file had been opened without `O_DIRECT`.
    func readCached(_ path: String, at offset: UInt64, count: Int) throws(JournalFault) -> [UInt8] {
        Self.part(of: try file(path).cached, at: offset, count)
    }

    // MARK: Inside

    /// - Returns: whether the process dies in this call.
    private func begin() throws(SystemError) -> Bool {
        if isDead { throw SystemError(EIO) }
        callCount += 1
        if let calls = callsToLive {
            callsToLive = calls - 1
            isDead = calls <= 0
        }
        if !isDead, random.chance(faults.interruption) { throw SystemError(EINTR) }
        return isDead
    }

    private func checkNames() throws(SystemError) {
        if faults.isReadOnly || isAborted { throw SystemError(EROFS) }
        if random.chance(faults.failingName) { throw SystemError(EIO) }
    }

    private func synchronize(file number: Int) throws(SystemError) {
        if random.chance(faults.failingSync) {
            files[number]?.failSync(&random, stale: stale)
            throw SystemError(EIO)
        }
        files[number]?.synchronize()
    }

    private func file(_ path: String) throws(JournalFault) -> SimulatedFile {
        let (directory, name) = Self.split(path)
        guard let number = directories[directory]?.names[name], let file = files[number] else {
            throw .io(function: "open", errno: ENOENT, path: path)
        }
        if faults.hasNoDescriptors { throw .io(function: "open", errno: EMFILE, path: path) }
        return file
    }

    private func status(ofNumber number: Int) -> FileStatus {
        FileStatus(
            device: 1, inode: UInt64(number), linkCount: files[number]?.linkCount ?? 0,
            byteCount: UInt64(files[number]?.cached.count ?? 0))
    }

    private func link(_ directory: String, _ name: String, _ file: Int) {
        directories[directory]?.link(name, file)
        files[file]?.linkCount += 1
    }

    private func countLinks() {
        for number in files.keys { files[number]?.linkCount = 0 }
        for directory in directories.values {
            for number in directory.names.values { files[number]?.linkCount += 1 }
        }
    }

    /// `O_TRUNC`.
    private func discard(_ number: Int) {
        if let before = files[number]?.medium { keepStale(before) }
        files[number]?.truncate(to: 0)
    }

    private func isLockFile(_ number: Int) -> Bool {
        directories.values.contains { $0.names["LOCK"] == number }
    }

    /// A file that no directory names any more gives its blocks back.
    private func dropNameless() {
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

    private func keepStale(_ octets: [UInt8]) {
        guard !octets.isEmpty else { return }
        stale.append(octets)
        if stale.count > 8 { stale.removeFirst() }
    }

    private static func part(of octets: [UInt8], at offset: UInt64, _ count: Int) -> [UInt8] {
        let start = min(Int(offset), octets.count)
        return Array(octets[start..<min(start + count, octets.count)])
    }

    private static func split(_ path: String) -> (directory: String, name: String) {
        let slash = path.lastIndex(of: "/") ?? path.startIndex
        return (String(path[..<slash]), String(path[path.index(after: slash)...]))
    }
}
