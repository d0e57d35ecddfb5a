internal import Encoding
internal import Glibc
import Platform

/// Repairs a journal that prevents a server from starting, and keeps a copy of everything that it drops.
///
/// ``dropUnacknowledged()`` drops only what a crash left behind, which was never acknowledged. ``acceptLoss()``
/// continues without acknowledged records that are unreadable. It makes a snapshot of all records that are readable. At
/// each moment the directory contains either the old files or the new ones, and the old ones also under `damaged-…`.
package struct JournalRepair: Sendable {
    private static let draft = "repair-draft"

    private let path: String
    private let options: JournalOptions
    private let schema: JournalSchema
    private let storage: DirectoryStorage

    /// The result of a repair.
    package struct Report: Equatable, Sendable {
        /// The number of unacknowledged bytes that were dropped.
        package internal(set) var tornByteCount: UInt64 = 0
        /// The file or directory with a copy of what was dropped; nil if nothing was.
        package internal(set) var copy: String?
        /// The number of records that were kept.
        package internal(set) var keptCount: UInt64 = 0
        /// The number of slots whose records are unreadable; a wholly unreadable file counts with all of its slots.
        package internal(set) var lostCount: UInt64 = 0
        /// Missing files, and files without a readable record.
        package internal(set) var unreadable: [String] = []
    }

    /// Prepares the repair of an existing directory.
    ///
    /// - Parameter onRead: receives the number of bytes of each read of the journal, on the thread that reads.
    /// - Throws: `.io` if the directory does not exist.
    package init(
        path: String, options: JournalOptions, _ schema: JournalSchema,
        onRead: @escaping @Sendable (Int) -> Void = { _ in }
    ) throws(JournalError) {
        // Otherwise a mistyped path would create an empty directory.
        guard unsafe access(path, R_OK) == 0 else { throw .current("access", path) }
        self.path = path
        self.options = options
        self.schema = schema
        storage = DirectoryStorage(path: path, onRead: onRead)
    }

    /// Drops what a crash left unacknowledged, as a start would; a journal without such a tail stays unchanged.
    ///
    /// - Throws: `.corrupt` if acknowledged records are damaged, and nothing is changed; `.locked` while a server is
    ///   running.
    package func dropUnacknowledged() throws(JournalError) -> Report {
        var report = Report()
        var reader = try JournalReader(storage, schema)
        defer { storage.unlock() }
        var options = options
        try reader.replay { records in
            report.keptCount &+= UInt64(records.count)
            for record in records where record.kind == .open { options.note = OpeningNote(record) }
        }
        report.tornByteCount = reader.report.tornByteCount
        guard report.tornByteCount > 0 else { return report }
        let writer = try reader.intoWriter(options)
        report.copy = writer.report.tornCopy
        writer.close()
        return report
    }

    /// Continues with every valid record.
    ///
    /// - Parameters:
    ///   - onKept: receives every record that is kept, in the order of the files.
    ///   - closing: returns a record to add after them, by its number and the count of lost records. It becomes durable
    ///     with the repair.
    /// - Throws: `.corrupt` if no valid record exists; `.unsupported` for files of another version; `.locked` while a
    ///   server is running.
    package func acceptLoss(
        onKept: (JournalRecord) -> Void = { _ in },
        closing: (_ number: UInt64, _ lostCount: UInt64) -> JournalRecord? = { _, _ in nil }
    ) throws(JournalError) -> Report {
        try storage.lock()
        defer { storage.unlock() }
        let names = try storage.names().filter { SegmentName($0) != nil || SnapshotName($0) != nil }
        let drafts = DirectoryStorage(path: "\(path)/\(Self.draft)")
        try removeDrafts(drafts)
        try drafts.lock()
        var report = Report()
        let made: [String]
        do throws(JournalError) {
            made = try write(names.sorted(), to: drafts, &report, onKept, closing)
            drafts.unlock()
        } catch {
            drafts.unlock()
            // Best effort: the next repair also removes them.
            try? removeDrafts(drafts)
            throw error
        }
        let copy = "damaged-\(hex(UInt64(clamping: options.clock.now.count), digits: 12))"
        try link(names, into: copy)
        report.copy = copy
        // The segment comes first: alone it does not follow the old files, and with the snapshot it replaces them.
        for name in made { try move(name, from: Self.draft) }
        try storage.remove(names.filter { !made.contains($0) })
        try removeDrafts(drafts)
        return report
    }

    /// Writes the drafts of the new segment and snapshot.
    ///
    /// - Returns: the name of the new segment, then that of the snapshot.
    private func write(
        _ names: [String], to drafts: DirectoryStorage, _ report: inout Report, _ onKept: (JournalRecord) -> Void,
        _ closing: (_ number: UInt64, _ lostCount: UInt64) -> JournalRecord?
    ) throws(JournalError) -> [String] {
        var number: UInt64 = 0
        var lastSeq: UInt64 = 0
        var lastTime: UnixMilliseconds = 0
        var store: UUID?
        var note = OpeningNote()
        let salt = UInt32(truncatingIfNeeded: options.random())
        let draft = "snapshot"
        var writer = try SnapshotWriter(name: draft, salt: salt, in: drafts)
        for name in names {
            let byteCount = try storage.byteCount(of: name)
            let places =
                (byteCount &- min(byteCount, UInt64(SegmentHeader.byteCount))) / UInt64(JournalRecord.byteCount)
            if let segment = SegmentName(name) {
                number = max(number, segment.number)
                // Sequence numbers of lost records are not reused.
                lastSeq = max(lastSeq, segment.firstSeq &+ places)
            } else if let snapshot = SnapshotName(name) {
                number = max(number, snapshot.number)
            }
            guard let layout = try layout(of: name, &report, places) else { continue }
            switch layout {
            case .segment(let header): store = store ?? (header.isNamed ? header.store : nil)
            case .snapshot(let header):
                store = store ?? header.store
                lastSeq = max(lastSeq, header.lastSeq)
                lastTime = max(lastTime, header.lastTime)
            }
            var reader = SalvageReader(name, layout, schema.kinds)
            while let record = try reader.next(in: storage) {
                lastSeq = max(lastSeq, record.seq)
                lastTime = max(lastTime, record.time)
                if record.kind == .open { note = note.merged(with: OpeningNote(record)) }
                if record.kind != .open, record.kind != .seal {
                    try writer.append(record)
                    onKept(record)
                }
            }
            report.lostCount &+= reader.lostCount
        }
        report.unreadable += missing(among: names)
        // Without its own id the journal gets a new one, so an earlier high-water mark no longer matches and must be
        // accepted too.
        if store == nil, writer.recordCount > 0 { store = UUID(high: options.random(), low: options.random()) }
        guard let store else { throw .corrupt(file: path, offset: 0, expectation: "a file with a good header") }
        report.keptCount = writer.recordCount
        let header = SnapshotHeader(
            store: store, number: number, lastSeq: lastSeq, created: options.clock.now, salt: salt,
            recordCount: writer.recordCount, lastChecksum: 0, lastTime: lastTime)
        try writer.finish(header)
        let last = closing(header.lastSeq &+ 2, report.lostCount)
        let segment = try begin(after: header, note, last, in: drafts)
        try drafts.rename(draft, to: header.name)
        return [segment, header.name]
    }

    /// Returns the segments that are missing, by the numbers in the names.
    private func missing(among names: [String]) -> [String] {
        let covered = names.compactMap { SnapshotName($0)?.number }.max() ?? 0
        var missing: [String] = []
        var next = covered &+ 1
        for number in names.compactMap({ SegmentName($0)?.number }).sorted() where number > covered {
            if number == next &+ 1 { missing.append("segment \(next), which is missing") }
            if number > next &+ 1 { missing.append("segments \(next) to \(number &- 1), which are missing") }
            next = number &+ 1
        }
        return missing
    }

    /// Returns the layout of the records in a file.
    ///
    /// - Returns: nil for a file without a readable record, which is counted.
    private func layout(
        of name: String, _ report: inout Report, _ places: UInt64
    ) throws(JournalError) -> SalvageReader.Layout? {
        let bytes = try storage.read(name, at: 0, count: SegmentHeader.byteCount)
        do throws(JournalError) {
            if let segment = SegmentName(name) { return .segment(try SegmentHeader(bytes, name: segment)) }
            guard let snapshot = SnapshotName(name) else { return nil }
            return .snapshot(try SnapshotHeader(bytes, file: name, number: snapshot.number))
        } catch {
            guard case .corrupt = error else { throw error }
            if let header = try recovered(name) { return .segment(header) }
            report.unreadable.append(name)
            report.lostCount &+= places
            return nil
        }
    }

    /// Returns the overwritten header of a segment as far as its records reveal it.
    private func recovered(_ name: String) throws(JournalError) -> SegmentHeader? {
        guard let segment = SegmentName(name) else { return nil }
        let bytes = try storage.read(
            name, at: UInt64(SegmentHeader.byteCount), count: Int(clamping: try storage.byteCount(of: name)))
        return SegmentRecovery.header(of: segment, bytes, created: options.clock.now, schema.kinds)
    }

    /// Creates the segment that must follow every snapshot, sealed as after a clean shutdown.
    private func begin(
        after header: SnapshotHeader, _ note: OpeningNote, _ last: JournalRecord?, in drafts: DirectoryStorage
    ) throws(JournalError) -> String {
        var opening = JournalRecord.opening(header.store, note)
        opening.seq = header.lastSeq &+ 1
        opening.time = max(header.lastTime, options.clock.now)
        var records = [opening] + (last.map { [$0] } ?? [])
        records.append(JournalRecord(.seal, key: UUID(high: 0, low: 0), expires: 0))
        for index in records.indices {
            records[index].seq = opening.seq &+ UInt64(index)
            records[index].time = opening.time
        }
        var writer = SegmentWriter(
            storage: drafts, store: header.store, options: options, number: header.number &+ 1,
            previousLastSeq: header.lastSeq, previousChecksum: header.lastChecksum)
        try writer.commit(records[...], durableSeq: header.lastSeq)
        writer.close()
        return SegmentName(number: header.number &+ 1, firstSeq: opening.seq).text
    }
}

extension JournalRepair {
    /// Links the same files under a second name, so that they are preserved without copying.
    private func link(_ names: [String], into copy: String) throws(JournalError) {
        let directory = "\(path)/\(copy)"
        try storage.makeDirectory(directory)
        for name in names {
            guard unsafe Glibc.link("\(path)/\(name)", "\(directory)/\(name)") == 0 else {
                throw .current("link", "\(directory)/\(name)")
            }
        }
        try storage.synchronizeDirectory(directory)
        try storage.synchronizeDirectory(path)
    }

    private func move(_ name: String, from directory: String) throws(JournalError) {
        guard unsafe Glibc.rename("\(path)/\(directory)/\(name)", "\(path)/\(name)") == 0 else {
            throw .current("rename", "\(path)/\(name)")
        }
        try storage.synchronizeDirectory(path)
    }

    /// Removes the files of an interrupted repair.
    private func removeDrafts(_ drafts: DirectoryStorage) throws(JournalError) {
        guard unsafe access(drafts.path, F_OK) == 0 else { return }
        try drafts.remove(drafts.names())
        guard unsafe rmdir(drafts.path) == 0 else { throw .current("rmdir", drafts.path) }
    }
}
