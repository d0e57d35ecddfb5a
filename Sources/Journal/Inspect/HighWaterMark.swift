package import Encoding

/// What was known of a journal at some moment, to be kept where the journal itself is not.
///
/// A journal that stands below its own sighting, or is another one, was rolled back: a state directory restored from an
/// older copy, an old snapshot of a machine, a volume that was not mounted. Refresh tokens that are ahead of it betray
/// the same, but only one by one and after the fact. Only durable records are counted, so a crash never looks like it.
package struct HighWaterMark: Equatable, Sendable {
    package let store: UUID
    /// The last durable record.
    package let seq: UInt64
    /// The file that it was read from, for messages; empty if it is fresh.
    package var path = ""

    package init(store: UUID, seq: UInt64) {
        self.store = store
        self.seq = seq
    }

    /// - Parameter store: nil for an empty directory.
    /// - Throws: `.rolledBack`.
    package func check(store found: UUID?, lastSeq: UInt64) throws(JournalError) {
        guard let found else {
            throw .rolledBack(
                what: "The state directory is empty, but journal \(store) was seen at record \(seq)\(source)")
        }
        guard found == store else {
            throw .rolledBack(what: "The state directory holds journal \(found), but \(store) was seen\(source)")
        }
        guard lastSeq >= seq else {
            throw .rolledBack(what: "The journal ends at record \(lastSeq), but record \(seq) was seen\(source)")
        }
    }

    private var source: String { path.isEmpty ? "" : " (\(path))" }

    /// Whether both say the same, wherever they were read.
    package static func == (left: HighWaterMark, right: HighWaterMark) -> Bool {
        left.store == right.store && left.seq == right.seq
    }

    /// Three lines that a person can read.
    package var text: String {
        """
        martlet-journal-seen 1
        store \(store)
        seq \(seq)

        """
    }

    /// Nil for anything but ``text``.
    package init?(_ text: String) {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        guard lines.count == 4, lines[0] == "martlet-journal-seen 1", lines[1].hasPrefix("store "),
            lines[2].hasPrefix("seq "), let store = UUID(String(lines[1].dropFirst(6))),
            let seq = UInt64(lines[2].dropFirst(4))
        else { return nil }
        self.init(store: store, seq: seq)
        guard self.text == text else { return nil }
    }
}
