import Glibc

/// A spare descriptor that a loop releases for a moment when the process has no other left.
///
/// The server opens it before it listens, with the other descriptors of the loop. A shortage therefore prevents the
/// start, and later descriptors are connections only.
struct ReserveDescriptor: Sendable {
    /// Negative if another open file has used its place.
    private var descriptor: Int32

    init() throws(ServerError) {
        descriptor = Self.open()
        guard descriptor >= 0 else { throw .last("open", "the event queue") }
    }

    /// Runs `body` while one more descriptor is available.
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
