package import Encoding

/// The last known state of a journal, stored outside of the journal itself.
///
/// If a journal is older than its own high-water mark, or is a different journal, it has been rolled back: a state
/// directory was restored from an older copy, a virtual machine was restored from a snapshot, or a volume was not
/// mounted. Refresh tokens that are ahead of the journal show the same, but only one by one and later. Only durable
/// records count, so a crash never looks like a rollback.
package struct HighWaterMark: Equatable, Sendable {
    package let store: UUID
    /// The sequence number of the last durable record.
    package let seq: UInt64
    /// The epoch that the owner of the journal counts, and what it adds to sequence numbers in it.
    package var epoch: UInt32 = 1
    package var offset: UInt64 = 0
    /// The file that it was read from, for messages; empty if it was not read from a file.
    package var path = ""

    package init(store: UUID, seq: UInt64) {
        self.store = store
        self.seq = seq
    }

    /// Compares the journal with the high-water mark.
    ///
    /// - Parameter store: nil for an empty directory.
    /// - Throws: `.rolledBack`.
    package func check(store found: UUID?, lastSeq: UInt64) throws(JournalError) {
        guard let found else {
            throw .rolledBack(
                what: "The state directory is empty, but journal \(store) was seen at record \(seq)\(source)")
        }
        guard found == store else {
            throw .rolledBack(what: "The state directory contains journal \(found), but \(store) was seen\(source)")
        }
        guard lastSeq >= seq else {
            throw .rolledBack(what: "The journal ends at record \(lastSeq), but record \(seq) was seen\(source)")
        }
    }

    private var source: String { path.isEmpty ? "" : " (\(path))" }

    /// Compares the content, regardless of where it was read from.
    package static func == (left: HighWaterMark, right: HighWaterMark) -> Bool {
        left.text == right.text
    }

    /// Three human-readable lines, and a fourth from the second epoch on.
    package var text: String {
        let lines = ["martlet-journal-seen 1", "store \(store)", "seq \(seq)"]
        let rest = epoch == 1 ? [] : ["epoch \(epoch) offset \(offset)"]
        return (lines + rest + [""]).joined(separator: "\n")
    }

    /// Returns nil for anything but ``text``.
    package init?(_ text: String) {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        guard (4...5).contains(lines.count), lines[0] == "martlet-journal-seen 1", lines[1].hasPrefix("store "),
            lines[2].hasPrefix("seq "), let store = UUID(String(lines[1].dropFirst(6))),
            let seq = UInt64(lines[2].dropFirst(4))
        else { return nil }
        self.init(store: store, seq: seq)
        if lines.count == 5 {
            let words = lines[3].split(separator: " ")
            guard words.count == 4, let epoch = UInt32(words[1]), let offset = UInt64(words[3]) else { return nil }
            (self.epoch, self.offset) = (epoch, offset)
        }
        guard self.text == text else { return nil }
    }
}
