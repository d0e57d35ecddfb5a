internal import Glibc

/// What stands in the way of the journal's promises; the closed list that readiness, metrics and log name.
package enum JournalCondition: String, CaseIterable, Sendable {
    /// The disk was full, and the reserve is in use: refusals are made durable, nothing else is taken.
    case lowSpace = "journal_low_space"
    /// No room for anything: the disk, a quota or a limit on file sizes.
    case diskFull = "journal_disk_full"
    /// The file system is mounted read-only, or the directory's permissions were taken away.
    case readOnly = "journal_read_only"
    /// The process or the system has no descriptor left.
    case noDescriptors = "journal_no_descriptors"
    /// The file that is being written, the one before it, or the lock was unlinked, moved or replaced, or another process
    /// began a segment. Does not heal.
    case replaced = "journal_replaced"
    /// Writes or syncs fail, as they do when a disk dies.
    case failing = "journal_failing"

    init(_ fault: JournalError) {
        switch fault {
        case .replaced, .contested: self = .replaced
        case .io(_, ENOSPC, _), .io(_, EDQUOT, _), .io(_, EFBIG, _): self = .diskFull
        case .io(_, EROFS, _), .io(_, EACCES, _), .io(_, EPERM, _): self = .readOnly
        case .io(_, EMFILE, _), .io(_, ENFILE, _): self = .noDescriptors
        case .io, .locked, .corrupt, .unsupported, .unwritable, .closed, .rolledBack: self = .failing
        }
    }
}
