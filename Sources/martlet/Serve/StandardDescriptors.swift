import Glibc

/// Descriptors 0, 1 and 2.
///
/// A process may be started without them. The first files it opens would then get these numbers, and what is meant for
/// standard error would be written into the journal.
enum StandardDescriptors {
    /// Opens /dev/null in the place of each that is closed; to be called before anything else is opened.
    /// - Returns: false if that is not possible: nothing may be opened then.
    static func fill() -> Bool {
        for wanted in STDIN_FILENO...STDERR_FILENO where fcntl(wanted, F_GETFD) < 0 {
            // The lowest free number is the one that is given; the ones below are open by now.
            guard errno == EBADF, unsafe open("/dev/null", O_RDWR) == wanted else { return false }
        }
        return true
    }
}
