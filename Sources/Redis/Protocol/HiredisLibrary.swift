internal import CHiredis
internal import Glibc
internal import Store
internal import Synchronization

/// The reader of hiredis, loaded when the first engine over Redis is created. Servers without one do not load it.
///
/// Only the reader is used: it has no TLS and its connections wait without a deadline, so sockets are ours. Commands are
/// formatted in Swift, because the library's formatter allocates each command separately.
///
/// `@unchecked Sendable` is safe because nothing is modified after `init`.
@safe final class HiredisLibrary: @unchecked Sendable {
    /// In the order of preference. The number is that of the layout.
    static let names: [(file: String, isFirstLayout: Bool)] = [
        ("libhiredis.so.0.14", true), ("libhiredis.so.1.1.0", false), ("libhiredis.so.1.0.0", false),
    ]

    private static let loaded = Mutex<HiredisLibrary?>(nil)

    typealias Create = @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer?
    typealias Free = @convention(c) (UnsafeMutableRawPointer?) -> Void
    typealias Feed = @convention(c) (UnsafeMutableRawPointer?, UnsafePointer<CChar>?, Int) -> Int32
    typealias Next =
        @convention(c) (
            UnsafeMutableRawPointer?, UnsafeMutablePointer<UnsafeMutableRawPointer?>?
        ) -> Int32

    let create: Create
    let free: Free
    let feed: Feed
    let next: Next
    let isFirstLayout: Bool

    /// Returns the library, which stays loaded until the process ends.
    static func load() throws(StoreFault) -> HiredisLibrary {
        try loaded.withLock { library throws(StoreFault) in
            if let library { return library }
            let found = try open(names)
            library = found
            return found
        }
    }

    static func open(_ names: [(file: String, isFirstLayout: Bool)]) throws(StoreFault) -> HiredisLibrary {
        for (file, isFirstLayout) in names {
            guard let handle = unsafe dlopen(file, RTLD_NOW | RTLD_LOCAL) else { continue }
            guard let library = unsafe HiredisLibrary(handle, isFirstLayout: isFirstLayout) else { continue }
            return library
        }
        throw .rejected(
            reason: "the library hiredis is not installed (\(names.map(\.file).joined(separator: ", ")))",
            remedy: "Run: apt-get install libhiredis0.14")
    }

    private init?(_ handle: UnsafeMutableRawPointer, isFirstLayout: Bool) {
        guard let create = unsafe dlsym(handle, "redisReaderCreateWithFunctions"),
            let free = unsafe dlsym(handle, "redisReaderFree"), let feed = unsafe dlsym(handle, "redisReaderFeed"),
            let next = unsafe dlsym(handle, "redisReaderGetReply")
        else { return nil }
        // These are their declarations in hiredis/read.h; all versions agree.
        unsafe self.create = unsafeBitCast(create, to: Create.self)
        unsafe self.free = unsafeBitCast(free, to: Free.self)
        unsafe self.feed = unsafeBitCast(feed, to: Feed.self)
        unsafe self.next = unsafeBitCast(next, to: Next.self)
        self.isFirstLayout = isFirstLayout
    }
}
