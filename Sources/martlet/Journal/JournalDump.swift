internal import Glibc
internal import Journal
internal import Revocation

/// Implements `martlet journal dump`: prints one line of JSON per record, with constant memory.
enum JournalDump {
    private static let bufferByteCount = 64 << 10

    static func run(_ directory: String) throws(JournalError) -> Int32 {
        // A reader of only the first lines closes the pipe, which ends the dump and is not an error.
        _ = signal(SIGPIPE, SIG_IGN)
        var buffer: [UInt8] = []
        buffer.reserveCapacity(bufferByteCount + 1_024)
        let progress = ProgressLine(listsRecords: true)
        let inspection = try JournalListing.inspect(directory, progress) { record, file, offset in
            buffer.append(contentsOf: line(record, file, offset).utf8)
            if buffer.count >= bufferByteCount { flush(&buffer, progress) }
        }
        flush(&buffer, progress)
        return JournalListing.report(inspection) ? ExitCode.failed : ExitCode.ok
    }

    /// Writes the buffer, and exits if the output is closed.
    private static func flush(_ buffer: inout [UInt8], _ progress: ProgressLine) {
        var rest = buffer[...]
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes { unsafe write(STDOUT_FILENO, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else {
                let error = errno
                progress.end()
                if error == EPIPE { exit(ExitCode.ok) }
                Terminal.writeError("martlet: standard output cannot be written\n")
                exit(ExitCode.usage)
            }
            rest = rest.dropFirst(count)
        }
        buffer.removeAll(keepingCapacity: true)
    }

    /// Formats a record. It contains only names and numbers, so nothing needs escaping, and nothing personal.
    private static func line(_ record: JournalRecord, _ file: String, _ offset: UInt64) -> String {
        let content =
            RevocationCodec.isPersonal(record)
            ? "\"key\":null,\"expires\":null,\"value\":null"
            : "\"key\":\"\(record.key)\",\"expires\":\(record.expires),\"value\":\(record.value)"
        return """
            {"seq":\(record.seq),"time":\(record.time),"kind":"\(RevocationCodec.name(of: record.kind))",\(content),\
            "flags":\(record.flags),"reason":\(record.reason),"file":"\(file)","offset":\(offset)}

            """
    }
}
