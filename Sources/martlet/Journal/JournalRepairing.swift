internal import App
internal import Journal
internal import OpenSSL
internal import Revocation

/// Implements `martlet journal repair`: drops what was never acknowledged, and more only if an option requests it.
enum JournalRepairing {
    /// - Parameter seen: what was known of the journal in other places.
    static func run(_ directory: String, _ seen: RollbackGuard, acceptsLoss: Bool) throws(JournalError) -> Int32 {
        let progress = ProgressLine()
        let repair = try JournalRepair(
            path: directory, options: JournalOptions(clock: SystemClock.wall, random: { Random.next64() }),
            RevocationCodec.schema, onRead: { progress.advance(by: $0) })
        let byteCount = DirectoryStorage(path: directory).journalByteCount
        do throws(JournalError) {
            progress.begin("reading", totalByteCount: byteCount)
            defer { progress.end() }
            let report = try repair.dropUnacknowledged()
            progress.end()
            guard report.tornByteCount > 0 else {
                Terminal.write("\(report.keptCount) records, nothing to repair\n")
                return ExitCode.ok
            }
            Terminal.write(
                "\(report.keptCount) records kept; \(report.tornByteCount) bytes that were never acknowledged removed, "
                    + "a copy is in \(report.copy ?? "no file")\n")
            return ExitCode.ok
        } catch {
            guard case .corrupt = error else { throw error }
            guard acceptsLoss else {
                Terminal.writeError(
                    """
                    martlet: \(error)
                    Nothing was changed. martlet journal verify names every damaged place, and martlet journal repair \
                    --accept-loss continues without them: see martlet journal --help before you do that.

                    """)
                return ExitCode.failed
            }
        }
        progress.begin("repairing", totalByteCount: byteCount)
        defer { progress.end() }
        var epochs = SalvagedEpochs(
            marks: seen.readableMarks { Terminal.writeError("\($0) Its content does not count.\n") })
        var began = LedgerPosition(epoch: 1, seq: 0)
        let report = try repair.acceptLoss {
            epochs.note($0)
        } closing: { number, lostCount in
            let next = epochs.next(at: number, lostCount: lostCount)
            began = next.position
            return next.record
        }
        progress.end()
        for file in report.unreadable { Terminal.writeError("could not read any record of \(file)\n") }
        Terminal.write(
            "\(report.keptCount) records kept, \(report.lostCount) or more lost; the original files are in "
                + "\(report.copy ?? "no directory")\nRecords are counted in epoch \(began.epoch) from now on, from \(began).\n"
        )
        return ExitCode.ok
    }
}
