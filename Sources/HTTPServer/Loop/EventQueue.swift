import CLinux
import Glibc

/// A level-triggered epoll(7) instance: one receive per event is sufficient, and remaining input is reported again.
struct EventQueue: Sendable {
    static let readable = UInt32(CLINUX_EPOLLIN)
    static let writable = UInt32(CLINUX_EPOLLOUT)
    static let broken = UInt32(CLINUX_EPOLLERR | CLINUX_EPOLLHUP)
    private static let exclusive = UInt32(CLINUX_EPOLLEXCLUSIVE)

    /// A buffer for the events of one ``wait(into:timeout:)`` call.
    static let noEvents = [clinux_event](repeating: clinux_event(data: 0, events: 0), count: 256)

    private let descriptor: Int32

    init() throws(ServerError) {
        descriptor = clinux_epoll_create()
        guard descriptor >= 0 else { throw .last("epoll_create1", "the event queue") }
    }

    func close() {
        _ = Glibc.close(descriptor)
    }

    /// Adds a descriptor.
    ///
    /// - Parameter isShared: whether several queues watch it and only one of them is to be woken.
    /// - Returns: false if the kernel has no room for it.
    func add(_ watched: Int32, _ interest: UInt32, _ data: UInt64, isShared: Bool = false) -> Bool {
        clinux_epoll_add(descriptor, watched, isShared ? interest | Self.exclusive : interest, data) == 0
    }

    func modify(_ watched: Int32, _ interest: UInt32, _ data: UInt64) {
        _ = clinux_epoll_modify(descriptor, watched, interest, data)
    }

    func remove(_ watched: Int32) {
        _ = clinux_epoll_remove(descriptor, watched)
    }

    /// Waits for events.
    ///
    /// - Parameter timeout: milliseconds; a negative value waits without limit.
    /// - Returns: how many of `events` were filled in.
    func wait(into events: inout [clinux_event], timeout: Int32) -> Int {
        let capacity = Int32(clamping: events.count)
        let count = unsafe events.withUnsafeMutableBufferPointer { buffer in
            unsafe clinux_epoll_wait(descriptor, buffer.baseAddress, capacity, timeout)
        }
        return max(0, Int(count))
    }
}
