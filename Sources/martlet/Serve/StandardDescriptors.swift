import Glibc

/// Ensures that descriptors 0, 1 and 2 are open.
///
/// A process can be started without them. The first files that it opens would then get these numbers, and output for
/// standard error would be written into the journal.
enum StandardDescriptors {
    /// Opens /dev/null for each closed one. Call it before anything else is opened.
    ///
    /// - Returns: false if that is not possible; nothing may be opened then.
    static func fill() -> Bool {
        for wanted in STDIN_FILENO...STDERR_FILENO where fcntl(wanted, F_GETFD) < 0 {
            // open(2) returns the lowest free number, and the lower ones are already open.
            guard errno == EBADF, unsafe open("/dev/null", O_RDWR) == wanted else { return false }
        }
        return true
    }
}
