import Glibc
package import HTTP
import Platform
import Synchronization

/// An HTTP server that listens on its addresses and runs one event loop per thread.
package final class Server: Sendable {
    /// The port of each listener in the order of the options: the actual port where 0 was requested, and 0 for Unix
    /// sockets.
    package let boundPorts: [UInt16]

    private let shared: EventLoop.Shared
    private let queues: [EventQueue]
    private let spares: [ReserveDescriptor]
    private let makeHandler: @Sendable (Int) -> any Handler

    /// Binds every address. From now on connections queue, and ``run()`` serves them.
    ///
    /// - Parameter makeHandler: makes the handler of a loop on the thread of that loop; the argument is the number of
    ///   the loop, from 0.
    /// - Throws: the error of the first address that fails, after the others have been released.
    package init(_ options: ServerOptions, makeHandler: @escaping @Sendable (Int) -> any Handler) throws(ServerError) {
        // OpenSSL sends with write(2), and no flag suppresses SIGPIPE for that call.
        if options.identity != nil { signal(SIGPIPE, SIG_IGN) }
        let threadCount = max(1, options.threads)
        var inherited = options.inherited
        var listeners: [ListenSocket] = []
        var mailboxes: [LoopMailbox] = []
        var queues: [EventQueue] = []
        var spares: [ReserveDescriptor] = []
        do throws(ServerError) {
            for listener in options.listeners {
                let socket = try Self.socket(listener, &inherited)
                for _ in 0..<threadCount { socket.join() }
                listeners.append(socket)
            }
            try Self.dismiss(inherited)
            for _ in 0..<threadCount {
                mailboxes.append(try LoopMailbox())
                queues.append(try EventQueue())
                spares.append(try ReserveDescriptor())
            }
        } catch {
            for listener in listeners {
                listener.stopAdmitting()
                listener.shut()
            }
            for queue in queues { queue.close() }
            for var spare in spares { spare.close() }
            throw error
        }
        self.queues = queues
        self.spares = spares
        self.makeHandler = makeHandler
        boundPorts = listeners.map(\.port)
        shared = EventLoop.Shared(
            limits: options.limits, deadlines: Deadlines(options.limits), counters: options.counters,
            listeners: listeners, identity: options.identity, demandsTLS: options.demandsTLS, mailboxes: mailboxes,
            census: ConnectionLimiter(countMax: options.limits.connectionsPerSourceMax), trust: options.trust)
    }

    /// Checks whether every address can be bound, without side effects.
    ///
    /// - Parameter awaitsPredecessor: whether another process may own the addresses and hand over its sockets later.
    /// - Throws: the error of the first address that fails.
    package static func rehearse(
        _ listeners: [Listener], inherited: [InheritedSocket], awaitsPredecessor: Bool
    ) throws(ServerError) {
        var rest = inherited
        for listener in listeners {
            if let index = rest.firstIndex(where: { $0.suits(listener.address) }) {
                rest.remove(at: index)
                continue
            }
            do throws(ServerError) {
                if case .inherited(let name) = listener.address { throw ServerError.notInherited(name: name) }
                try ListenSocket.rehearse(listener)
            } catch {
                guard awaitsPredecessor, error.isTaken else { throw error }
            }
        }
        for socket in rest where socket.isManaged {
            throw .inheritedUnused(name: socket.name, address: socket.address.description)
        }
    }

    /// Returns the inherited socket for the address of the listener, or a new one.
    private static func socket(
        _ listener: Listener, _ inherited: inout [InheritedSocket]
    ) throws(ServerError) -> ListenSocket {
        guard let index = inherited.firstIndex(where: { $0.suits(listener.address) }) else {
            return try ListenSocket(listener)
        }
        return ListenSocket(listener, inherited.remove(at: index))
    }

    /// Closes inherited sockets of a predecessor that no address of this server matches. One from a service manager is
    /// an error, because clients that connect to it would wait without end.
    private static func dismiss(_ unused: [InheritedSocket]) throws(ServerError) {
        for socket in unused where socket.isManaged {
            throw .inheritedUnused(name: socket.name, address: socket.address.description)
        }
        for socket in unused { close(socket.descriptor) }
    }

    var mailboxes: [LoopMailbox] { shared.mailboxes }

    /// The sockets that another process needs to continue with these listeners.
    var handed: [ListenSocket] { shared.listeners }

    /// Serves until ``beginDrain()`` was called and everything in progress is answered. Call it once.
    package func run() {
        var threads: [Thread] = []
        for index in queues.indices.dropFirst() {
            if let thread = try? Thread(name: "loop-\(index)", { [self] in runLoop(index) }) {
                threads.append(thread)
            } else {
                abandon(index)
            }
        }
        // The first loop, too, gets a thread with a name; without one the server still serves, on this thread.
        if let thread = try? Thread(name: "loop-0", { [self] in runLoop(0) }) {
            threads.append(thread)
        } else {
            runLoop(0)
        }
        for thread in threads { thread.join() }
    }

    /// Starts the shutdown of ``run()``. Any thread may call it, any number of times.
    package func beginDrain() {
        shared.counters.isDraining.store(true, ordering: .relaxed)
        for mailbox in shared.mailboxes { _ = mailbox.post(.drain) }
    }

    private func runLoop(_ index: Int) {
        var loop = EventLoop(shared, shared.mailboxes[index], queues[index], spares[index], makeHandler(index))
        loop.run()
    }

    /// Takes over the duties of a loop that cannot run.
    private func abandon(_ index: Int) {
        _ = shared.mailboxes[index].shut()
        // The maximum load ensures that no connection is passed to this loop.
        shared.mailboxes[index].load.store(.max / 2, ordering: .relaxed)
        queues[index].close()
        var spare = spares[index]
        spare.close()
        for listener in shared.listeners { _ = listener.leave() }
    }
}
