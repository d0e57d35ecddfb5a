package import Synchronization

/// What the engine counts and `/metrics` tells. One for the process; every loop adds to it.
package final class ConnectionCounters: Sendable {
    package let accepted = Atomic<UInt64>(0)
    package let open = Atomic<Int>(0)
    package let refused = Atomic<UInt64>(0)
    package let timedOut = Atomic<UInt64>(0)
    package let malformed = Atomic<UInt64>(0)
    /// HTTP/2 connections that were told to calm down.
    package let flooded = Atomic<UInt64>(0)
    /// Octets of unfinished requests and untaken answers in memory.
    package let buffered = Atomic<Int>(0)
    /// Connections that were ended because too much was in memory.
    package let shed = Atomic<UInt64>(0)
    package let isDraining = Atomic<Bool>(false)

    package init() {}
}
