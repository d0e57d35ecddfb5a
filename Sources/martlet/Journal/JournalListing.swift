internal import Encoding
internal import Journal
import Platform
internal import Revocation

/// The output of `martlet journal stat` and `verify`.
enum JournalListing {
    /// Reads the whole journal, and shows the progress.
    ///
    /// - Parameters:
    ///   - progress: the line for the progress, which is removed at the end.
    ///   - body: receives every valid record with its file and offset, in order.
    static func inspect(
        _ directory: String, _ progress: ProgressLine = ProgressLine(),
        _ body: (JournalRecord, String, UInt64) -> Void = { _, _, _ in }
    ) throws(JournalError) -> JournalInspection {
        let source = try DirectorySnapshot(path: directory) { progress.advance(by: $0) }
        progress.begin("reading", totalByteCount: source.journalByteCount)
        defer { progress.end() }
        return try JournalInspection(source, RevocationCodec.schema, body)
    }

    static func stat(_ inspection: JournalInspection, _ directory: String) -> Int32 {
        var text = "directory  \(directory)\n"
        if let store = inspection.snapshot?.header.store ?? inspection.segments.first?.header.store {
            text += "store      \(store)\n"
        }
        text += "last seq   \(inspection.lastSeq)\n"
        if let first = inspection.firstTime, let last = inspection.lastTime {
            text += "first      \(time(first))\nlast       \(time(last))\n"
        }
        text += "\nrecords\n"
        for kind in RevocationCodec.allKinds {
            guard let count = inspection.recordCounts[kind] else { continue }
            text += "  \(padded(RevocationCodec.name(of: kind), 12))\(leading("\(count)", 12))\n"
        }
        if let snapshot = inspection.snapshot {
            text += "\nsnapshot\(leading("records", 43))\n"
            text += "  \(padded(snapshot.name, 37))\(leading("\(snapshot.recordCount)", 12))\n"
        }
        text += "\nsegments\(leading("records", 43))\(leading("bytes", 12))\n"
        for segment in inspection.segments {
            let state = segment.isSealed ? "sealed" : "open"
            text +=
                "  \(segment.name)\(leading("\(segment.recordCount)", 12))"
                + "\(leading("\(segment.byteCount)", 12))  \(state)\n"
        }
        Terminal.write(text)
        return report(inspection) ? ExitCode.failed : ExitCode.ok
    }

    static func verify(_ inspection: JournalInspection) -> Int32 {
        let isDamaged = report(inspection)
        let records = inspection.recordCounts.values.reduce(0, +)
        Terminal.write(
            "\(inspection.segments.count) segments, \(records) records, last seq \(inspection.lastSeq): "
                + (isDamaged ? "damaged\n" : "whole\n"))
        return isDamaged ? ExitCode.failed : ExitCode.ok
    }

    /// Prints the findings.
    ///
    /// - Returns: whether there is damage.
    static func report(_ inspection: JournalInspection) -> Bool {
        for finding in inspection.findings {
            let word = finding.isDamage ? "damaged" : "note"
            Terminal.writeError("\(finding.file): offset \(finding.offset): \(word): \(finding.sentence)\n")
        }
        if inspection.omittedFindingCount > 0 {
            Terminal.writeError("and \(inspection.omittedFindingCount) more\n")
        }
        return inspection.isDamaged
    }

    private static func time(_ milliseconds: UnixMilliseconds) -> String {
        var output: [UInt8] = []
        ISO8601.write(milliseconds: milliseconds, to: &output)
        return String(decoding: output, as: UTF8.self)
    }

    private static func padded(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.utf8.count))
    }

    private static func leading(_ text: String, _ width: Int) -> String {
        String(repeating: " ", count: max(1, width - text.utf8.count)) + text
    }
}
