internal import Glibc

/// Why the journal is impaired; the closed list that readiness, metrics and the log use.
package enum JournalCondition: String, CaseIterable, Sendable {
    /// The disk was full, and the reserve is in use: only records that may use it are accepted.
    case lowSpace = "journal_low_space"
    /// There is no space at all, because of the disk, a quota or a file size limit.
    case diskFull = "journal_disk_full"
    /// The file system is mounted read-only, or the permissions of the directory were removed.
    case readOnly = "journal_read_only"
    /// The process or the system has no free descriptor.
    case noDescriptors = "journal_no_descriptors"
    /// The file that is being written, the one before it, or the lock file was unlinked, moved or replaced, or another
    /// process began a segment. This does not recover.
    case replaced = "journal_replaced"
    /// Writes or syncs fail, for example because of a failing disk.
    case failing = "journal_failing"

    init(_ fault: JournalError) {
        switch fault {
        case .replaced, .contested: self = .replaced
        case .io(_, ENOSPC, _), .io(_, EDQUOT, _), .io(_, EFBIG, _): self = .diskFull
        case .io(_, EROFS, _), .io(_, EACCES, _), .io(_, EPERM, _): self = .readOnly
        case .io(_, EMFILE, _), .io(_, ENFILE, _): self = .noDescriptors
        case .io, .locked, .corrupt, .unsupported, .unwritable, .closed, .rolledBack, .otherUse, .unavailable:
            self = .failing
        }
    }
}
