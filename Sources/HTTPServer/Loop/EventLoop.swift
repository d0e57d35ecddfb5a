import CLinux
import Encoding
import Glibc
import HTTP
import OpenSSL
import Platform
import Synchronization

/// The connections of one thread and everything needed to serve them.
///
/// It is local to one function and passed `inout`, so that no exclusivity check is needed at run time. Other threads
/// communicate with it through its ``LoopMailbox``.
struct EventLoop: ~Copyable {
    /// The state that all loops of a server share.
    struct Shared: Sendable {
        let limits: Limits
        let deadlines: Deadlines
        let counters: ConnectionCounters
        let listeners: [ListenSocket]
        let identity: TLSIdentity?
        let demandsTLS: Bool
        let mailboxes: [LoopMailbox]
        let census: ConnectionLimiter
        let trust: ProxyTrust
    }

    enum Drain: Equatable {
        case running
        /// The server works as before, and every response announces that the connection closes.
        case notice(until: Int64)
        /// New connections are rejected; connection attempts in progress are still accepted.
        case settling(until: Int64)
        /// The listeners are closed.
        case finishing(newcomersUntil: Int64, until: Int64)
        case done
    }

    /// The size in bytes above which responses to pipelined requests are sent before more are produced.
    static let outputBatchMax = 65_536
    /// How much memory of outputs that were sent a loop keeps: at most so many of so many bytes.
    static let spareOutputCountMax = 64
    static let spareOutputByteCountMax = 4_096
    private static let mailboxData = UInt64.max
    /// Below ``mailboxData``. The generation of a connection never sets the highest bit.
    private static let listenerData = UInt64.max - 0xffff

    let shared: Shared
    let mailbox: LoopMailbox
    let handler: any Handler
    let queue: EventQueue
    var request: Request
    /// The size of the buffer of ``request``, except while it contains a message with large content.
    let requestByteCount: Int
    var response = Response()
    var writer = ResponseWriter()
    /// The same for HTTP/2, and the pool for the streams of its connections.
    var head = HTTP2Head()
    let streams = HTTP2StreamPool()
    var readyStreams: [Int32] = []
    /// The responses of the connection being served.
    var output: [UInt8] = []
    /// Memory for outputs that have to wait.
    var spareOutputs: [[UInt8]] = []
    var connections: [Connection] = []
    var freePlaces: [Int] = []
    /// Milliseconds from an arbitrary start; never decreases.
    var now: Int64 = 0
    var drain = Drain.running
    /// When to accept again after the process ran out of descriptors.
    var acceptsAgainAt: Int64?
    /// Since when no connection could be accepted because no descriptor was free.
    var exhaustedSince: Int64?
    /// Connections with readable bytes that the event queue cannot see, as ``data(of:)``.
    private var held: [UInt64] = []
    /// The TLS handshakes in progress.
    var handshakes = HandshakeQueue()
    /// A descriptor that is released to accept one connection when no other descriptor is free.
    var spare: ReserveDescriptor
    private var nextTick: Int64 = 0
    private var items: [LoopMailbox.Item] = []
    /// The number of responses that are being prepared elsewhere.
    var awaitedCount = 0
    /// Since when the loop has only waited for one of them, in nanoseconds; 0 if it has not.
    var awaitingSince: UInt64 = 0
    /// What this thread does once per turn.
    let turn = Turn(collectsLines: true)
    /// The number of log lines before the current connection was served.
    var lineMark: UInt64 = 0
    /// Connections whose responses wait for the log lines of the turn, as ``data(of:)``.
    var postponed: [UInt64] = []
    /// For a response that waits for one durable write, which takes little longer than waking this thread.
    var patience = AdaptiveSpin(limit: clinux_processors() > 1 ? 500_000 : 0)

    init(
        _ shared: Shared, _ mailbox: LoopMailbox, _ queue: EventQueue, _ spare: ReserveDescriptor,
        _ handler: any Handler
    ) {
        self.shared = shared
        self.mailbox = mailbox
        self.queue = queue
        self.spare = spare
        self.handler = handler
        let limits = shared.limits
        // The size of the largest message and extra room, so that more bytes can always be appended to an incomplete
        // one.
        requestByteCount =
            limits.headByteCountMax + limits.bodyByteCountMax + limits.chunkOverheadMax + 32_768
        request = Request(byteCount: requestByteCount)
        output.reserveCapacity(Self.outputBatchMax)
    }

    /// Runs until the server has drained.
    mutating func run() {
        refreshTime()
        turn.begin()
        _ = queue.add(mailbox.descriptor, EventQueue.readable, Self.mailboxData)
        startAccepting()
        var events = EventQueue.noEvents
        while drain != .done {
            let (count, isWatching) = nextEvents(&events)
            refreshTime()
            if isWatching { endWatch() }
            handshakes.beginTurn()
            for index in 0..<count { take(events[index].events, events[index].data) }
            if !held.isEmpty { takeHeld() }
            if now >= nextTick { tick() }
            endTurn()
        }
        stop()
    }

    /// Waits for the events of a turn, and says so before it sleeps.
    ///
    /// - Returns: how many of `events` were filled in, and whether the loop polled for a deferred response.
    private mutating func nextEvents(_ events: inout [clinux_event]) -> (count: Int, isWatching: Bool) {
        guard held.isEmpty, postponed.isEmpty else { return (queue.wait(into: &events, timeout: 0), false) }
        if turn.announcesRest {
            let count = queue.wait(into: &events, timeout: 0)
            if count > 0 { return (count, false) }
            turn.rest()
        }
        guard awaitedCount > 0, beginWatch() else { return (queue.wait(into: &events, timeout: timeout), false) }
        return (watch(for: &events), true)
    }

    private var timeout: Int32 {
        let isQuiet = mailbox.load.load(ordering: .relaxed) == 0 && drain == .running && acceptsAgainAt == nil
        return isQuiet ? -1 : Int32(clamping: max(0, nextTick &- now))
    }

    private mutating func refreshTime() {
        var time = timespec()
        _ = unsafe clock_gettime(CLOCK_MONOTONIC_COARSE, &time)
        now = Int64(time.tv_sec) &* 1_000 &+ Int64(time.tv_nsec) / 1_000_000
        _ = unsafe clock_gettime(CLOCK_REALTIME_COARSE, &time)
        writer.setTime(UnixSeconds(Int64(time.tv_sec)))
    }

    private mutating func take(_ events: UInt32, _ data: UInt64) {
        if data == Self.mailboxData { return emptyMailbox() }
        if data >= Self.listenerData { return accept(from: Int(data &- Self.listenerData)) }
        let slot = Int(data & 0xffff_ffff)
        // An event can belong to a connection that an earlier event of the same batch has closed.
        guard slot < connections.count, connections[slot].generation == UInt32(truncatingIfNeeded: data >> 32),
            connections[slot].stage != .closed
        else { return }
        lineMark = turn.lineCount
        switch connections[slot].stage {
        case .idle, .head, .content: receive(slot)
        case .proxyHeader: readIntroduction(slot)
        case .writing: sendRest(slot)
        case .handshake: shakeHands(slot)
        case .http2: serveHTTP2(slot)
        case .lingering: discard(slot)
        case .deferred:
            if events & EventQueue.broken != 0 {
                close(slot)
            } else if connections[slot].wait != nil {
                receiveWhileAnswering(slot)
            } else {
                // Level-triggered events would repeat until the response is ready, and a client that has only closed
                // its sending side still waits for it.
                watch(slot, 0)
            }
        case .streaming: if events & EventQueue.broken != 0 { close(slot) } else { receiveWhileAnswering(slot) }
        case .closed: break
        }
        account(slot)
    }

    /// Reads once for each waiting connection; a connection with more input waits for another turn.
    private mutating func takeHeld() {
        let waiting = held
        held.removeAll(keepingCapacity: true)
        for data in waiting {
            let slot = Int(data & 0xffff_ffff)
            guard self.data(of: slot) == data else { continue }
            connections[slot].waitsToRead = false
            take(EventQueue.readable, data)
        }
    }

    /// Waits for input, which may already be available.
    mutating func awaitInput(_ slot: Int) {
        watch(slot, EventQueue.readable)
        noteHeld(slot)
    }

    /// Adds the connection to the list if a read received more than was requested.
    mutating func noteHeld(_ slot: Int) {
        guard connections[slot].transport.holdsInput, !connections[slot].waitsToRead else { return }
        connections[slot].waitsToRead = true
        held.append(data(of: slot))
    }

    /// Sets the events to watch, unless they are unchanged.
    mutating func watch(_ slot: Int, _ interest: UInt32) {
        guard connections[slot].interest != interest else { return }
        connections[slot].interest = interest
        queue.modify(connections[slot].transport.descriptor, interest, data(of: slot))
    }

    func data(of slot: Int) -> UInt64 {
        UInt64(connections[slot].generation) << 32 | UInt64(truncatingIfNeeded: slot)
    }

    private mutating func emptyMailbox() {
        var taken: [LoopMailbox.Item] = []
        swap(&taken, &items)
        mailbox.collect(into: &taken)
        handle(&taken)
    }

    private mutating func endWatch() {
        var taken: [LoopMailbox.Item] = []
        swap(&taken, &items)
        mailbox.endWatch(into: &taken)
        handle(&taken)
    }

    /// Handles the items and keeps the array for reuse.
    private mutating func handle(_ taken: inout [LoopMailbox.Item]) {
        for item in taken {
            switch item {
            case .resume(let ticket, let write):
                noteAnswer()
                lineMark = turn.lineCount
                resume(ticket) { handler, response in
                    write(handler, &response)
                    return nil
                }
            case .answer(let wait, let write):
                lineMark = turn.lineCount
                resume(wait.ticket, write)
            case .perform(let body): body(handler)
            case .serve(let stream): serve(stream)
            case .adopt(let arrival): adopt(arrival)
            case .beat(let beat): beat.answer()
            case .drain:
                if drain == .running {
                    drain = .notice(until: now &+ shared.deadlines.drainNotice)
                    noticeHTTP2()
                }
                nextTick = now
            }
        }
        taken.removeAll(keepingCapacity: true)
        swap(&taken, &items)
    }

    private mutating func tick() {
        nextTick = now &+ (drain == .running ? shared.deadlines.tick : 10)
        if let acceptsAgainAt, now >= acceptsAgainAt {
            self.acceptsAgainAt = nil
            startAccepting()
        }
        for slot in connections.indices where connections[slot].deadline <= now {
            expire(slot)
            account(slot)
        }
        if drain != .running { advanceDrain() }
    }

    func startAccepting() {
        for (index, listener) in shared.listeners.enumerated() {
            let data = Self.listenerData &+ UInt64(truncatingIfNeeded: index)
            _ = queue.add(listener.descriptor, EventQueue.readable, data, isShared: true)
        }
    }

    private mutating func stop() {
        for slot in connections.indices where connections[slot].stage != .closed { close(slot) }
        for case .adopt(var arrival) in mailbox.shut() { arrival.transport.close() }
        queue.close()
        spare.close()
        turn.finish()
    }
}
