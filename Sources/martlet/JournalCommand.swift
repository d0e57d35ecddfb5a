internal import Glibc
internal import Journal
internal import Octets

/// `martlet journal stat | verify | dump | compact`: the first three look at a state directory, also of a running
/// server, and change nothing.
enum JournalCommand {
    private static let usage = """
        usage: martlet journal <command> [--state DIR]
          stat    what the journal holds
          verify  every damaged place with file and offset; status 1 if there is one
          dump    every record as a line of JSON
          compact write it again without what expired or was overtaken; the server must be stopped
          accept  let a server start over a directory that was restored from a copy: ends everything that began before
                  now, unless --keep-sessions is given; the server must be stopped

        DIR is MARTLET_STATE, or var.
        """

    /// - Parameter arguments: what follows `journal` on the command line.
    /// - Returns: the exit status: 0 good, 1 something was found, 2 wrong usage or unreadable.
    static func run(_ arguments: [String]) -> Int32 {
        if arguments == ["--help"] || arguments == ["-h"] {
            print(usage)
            return 0
        }
        if arguments.first == "accept" {
            do throws(JournalFault) {
                if let status = try JournalAcceptance.run(arguments.dropFirst()) { return status }
                complain(usage)
            } catch {
                complain("martlet: \(error)")
            }
            return 2
        }
        guard let command = arguments.first, let directory = directory(arguments.dropFirst()) else {
            complain(usage)
            return 2
        }
        let storage = DirectoryStorage(path: directory)
        do throws(JournalFault) {
            switch command {
            case "stat": return stat(try JournalInspection(storage), directory)
            case "verify": return verify(try JournalInspection(storage))
            case "dump":
                let inspection = try JournalInspection(storage) { record, file, offset in
                    print(line(record, file, offset))
                }
                return report(inspection) ? 1 : 0
            case "compact":
                try JournalCompaction.run(directory)
                return 0
            default:
                complain(usage)
                return 2
            }
        } catch {
            complain("martlet: \(error)")
            return 2
        }
    }

    private static func directory(_ arguments: ArraySlice<String>) -> String? {
        switch (arguments.first, arguments.count) {
        case (nil, _):
            guard let variable = unsafe getenv("MARTLET_STATE") else { return "var" }
            return unsafe String(cString: variable)
        case ("--state", 2): return arguments.last
        default: return nil
        }
    }

    private static func stat(_ inspection: JournalInspection, _ directory: String) -> Int32 {
        print("directory  \(directory)")
        if let store = inspection.snapshot?.header.store ?? inspection.segments.first?.header.store {
            print("store      \(store)")
        }
        print("last seq   \(inspection.lastSeq)")
        if let first = inspection.firstTime, let last = inspection.lastTime {
            print("first      \(time(first))\nlast       \(time(last))")
        }
        print("\nrecords")
        for kind in JournalRecord.Kind.allCases {
            guard let count = inspection.recordCounts[kind] else { continue }
            print("  \(padded(kind.name, 12))\(leading("\(count)", 12))")
        }
        if let snapshot = inspection.snapshot {
            print("\nsnapshot\(leading("records", 43))")
            print("  \(padded(snapshot.name, 37))\(leading("\(snapshot.recordCount)", 12))")
        }
        print("\nsegments\(leading("records", 43))\(leading("octets", 12))")
        for segment in inspection.segments {
            let state = segment.isSealed ? "sealed" : "open"
            print(
                "  \(segment.name)\(leading("\(segment.recordCount)", 12))"
                    + "\(leading("\(segment.byteCount)", 12))  \(state)"
            )
        }
        return report(inspection) ? 1 : 0
    }

    private static func verify(_ inspection: JournalInspection) -> Int32 {
        let isDamaged = report(inspection)
        let records = inspection.recordCounts.values.reduce(0, +)
        print(
            "\(inspection.segments.count) segments, \(records) records, last seq \(inspection.lastSeq): "
                + (isDamaged ? "damaged" : "whole"))
        return isDamaged ? 1 : 0
    }

    /// - Returns: whether there is damage.
    private static func report(_ inspection: JournalInspection) -> Bool {
        for finding in inspection.findings {
            let word = finding.isDamage ? "damaged" : "note"
            complain("\(finding.file): offset \(finding.offset): \(word): \(finding.sentence)")
        }
        if inspection.omittedFindingCount > 0 { complain("and \(inspection.omittedFindingCount) more") }
        return inspection.isDamaged
    }

    /// Names and numbers only: nothing in it needs escaping.
    private static func line(_ record: JournalRecord, _ file: String, _ offset: UInt64) -> String {
        """
        {"seq":\(record.seq),"time":\(record.time),"kind":"\(record.kind.name)","key":"\(record.key)",\
        "expires":\(record.expires),"value":\(record.value),"flags":\(record.flags),"reason":\(record.reason),\
        "file":"\(file)","offset":\(offset)}
        """
    }

    private static func time(_ milliseconds: Int64) -> String {
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

    private static func complain(_ text: String) {
        let octets = Array((text + "\n").utf8)
        _ = unsafe write(STDERR_FILENO, octets, octets.count)
    }
}
