import Glibc

/// A descriptor that a loop holds in order to give it up for a moment, when the process has no other left.
///
/// Opened with the loop's other descriptors before the server listens: one that is missing stops the start, and what the
/// process holds from then on are its connections.
struct ReserveDescriptor: Sendable {
    /// Below zero when somebody else has taken its place.
    private var descriptor: Int32

    init() throws(ServerError) {
        descriptor = Self.open()
        guard descriptor >= 0 else { throw .last("open", "the event queue") }
    }

    /// Runs `body` while there is room for one descriptor more.
    mutating func lend(_ body: () -> Void) {
        close()
        body()
        descriptor = Self.open()
    }

    mutating func close() {
        if descriptor >= 0 { _ = Glibc.close(descriptor) }
        descriptor = -1
    }

    private static func open() -> Int32 {
        unsafe Glibc.open("/dev/null", O_RDONLY | O_CLOEXEC)
    }
}
