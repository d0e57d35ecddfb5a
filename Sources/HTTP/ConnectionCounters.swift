package import Synchronization

/// Counters of the HTTP server for `/metrics`. The process has one; every loop adds to it.
package final class ConnectionCounters: Sendable {
    package let accepted = Atomic<UInt64>(0)
    package let open = Atomic<Int>(0)
    package let refused = Atomic<UInt64>(0)
    package let timedOut = Atomic<UInt64>(0)
    package let malformed = Atomic<UInt64>(0)
    /// HTTP/2 connections that were closed with ENHANCE_YOUR_CALM.
    package let flooded = Atomic<UInt64>(0)
    /// The bytes in memory of incomplete requests and unsent responses.
    package let buffered = Atomic<Int>(0)
    /// Connections that were closed because too many bytes were in memory.
    package let shed = Atomic<UInt64>(0)
    /// The bytes of incomplete requests that were moved to where requests are parsed.
    package let moved = Atomic<UInt64>(0)
    package let isDraining = Atomic<Bool>(false)

    package init() {}
}
