import CNgHTTP2
import HTTP

/// One connection's HTTP/2 (RFC 9113): libnghttp2 does the framing and the compression of fields, this keeps the streams,
/// the bounds and the answers.
///
/// Does no I/O: octets go in by ``receive(_:now:)`` and come out by ``drain(into:byteCountMax:)``. Belongs to one loop's thread.
@safe final class HTTP2Session {
    /// What nghttp2_session_mem_recv is given at once, so that a flood is noticed soon after it began.
    private static let sliceByteCount = 16_384
    /// A connection's window: what requests without their end may hold in memory together.
    private static let connectionWindow: Int32 = 1 << 20

    let limits: Limits
    let deadlines: Deadlines
    let pool: HTTP2StreamPool
    /// Nil only while `init` runs, and when there is no memory.
    private(set) var raw: OpaquePointer?
    var streams = HTTP2Streams()
    /// The stream whose block of fields is under way.
    var current: HTTP2Stream?
    /// Streams whose request is complete and has not been handed on.
    var ready: [Int32] = []
    /// Deferred answers by ticket. Zero for a stream that has gone: what it started goes on, and counts.
    var pending: [UInt32: Int32] = [:]
    var budget: HTTP2Budget
    private var scan = HTTP2FrameScan()
    var now: Int64
    /// Since when a block of fields is under way.
    var headBegan: Int64?
    /// When the last request ended, or the connection began.
    var idleSince: Int64
    var hasSettings = false
    var servedCount = 0
    /// Streams that were answered before their request was complete.
    var cutShortCount = 0
    /// What its streams keep in memory.
    var bufferedByteCount = 0
    var isFlooded = false
    var isBroken = false
    var saidNotice = false
    var isLeaving = false

    /// - Parameters:
    ///   - pool: the loop's.
    ///   - now: milliseconds of the loop's clock.
    init(_ limits: Limits, _ deadlines: Deadlines, _ pool: HTTP2StreamPool, now: Int64) {
        self.limits = limits
        self.deadlines = deadlines
        self.pool = pool
        self.now = now
        idleSince = now
        budget = HTTP2Budget(now: now)
        unsafe raw = HTTP2Callbacks.session(Unmanaged.passUnretained(self).toOpaque())
        isBroken = unsafe raw == nil || !begin()
    }

    deinit { unsafe nghttp2_session_del(raw) }

    private func begin() -> Bool {
        let settings = [
            setting(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, limits.streamsMax),
            setting(NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, limits.headByteCountMax),
            // A whole request fits, and one octet more, so that one too long is noticed without another update.
            setting(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, limits.bodyByteCountMax + 1),
            setting(NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1),
        ]
        return unsafe nghttp2_submit_settings(raw, UInt8(NGHTTP2_FLAG_NONE.rawValue), settings, settings.count) == 0
            && nghttp2_session_set_local_window_size(
                raw, UInt8(NGHTTP2_FLAG_NONE.rawValue), 0, Self.connectionWindow) == 0
    }

    private func setting(_ id: nghttp2_settings_id, _ value: Int) -> nghttp2_settings_entry {
        nghttp2_settings_entry(settings_id: Int32(id.rawValue), value: UInt32(clamping: value))
    }

    /// Takes in octets; afterwards ``takeReady(into:)`` has the requests that became complete.
    func receive(_ octets: UnsafeBufferPointer<UInt8>, now: Int64) {
        self.now = now
        budget.refill(now: now)
        var start = 0
        while start < octets.count, !isBroken, !isFlooded {
            let end = min(octets.count, start + Self.sliceByteCount)
            let slice = unsafe UnsafeBufferPointer(rebasing: octets[start..<end])
            unsafe scan.scan(slice) { count($0) }
            guard !isFlooded else { break }
            let taken = unsafe nghttp2_session_mem_recv(raw, slice.baseAddress, slice.count)
            start = end
            guard taken < 0 else { continue }
            switch Int32(clamping: taken) {
            case Int32(NGHTTP2_ERR_FLOODED.rawValue), Int32(NGHTTP2_ERR_TOO_MANY_CONTINUATIONS.rawValue):
                isFlooded = true
            case Int32(NGHTTP2_ERR_BAD_CLIENT_MAGIC.rawValue): isBroken = true
            default: isBroken = true
            }
        }
        if let current {
            current.messageByteCount = current.message.standing.byteCount
            weigh(current)
        }
        // What was asked for before the flood was noticed is not answered any more.
        if isFlooded { _ = unsafe nghttp2_session_terminate_session(raw, NGHTTP2_ENHANCE_YOUR_CALM.rawValue) }
    }

    /// Puts the streams whose requests wait for an answer, in their order, into `list`, which must be empty: the two arrays
    /// take turns.
    func takeReady(into list: inout [Int32]) {
        if !isFlooded { swap(&ready, &list) }
    }

    /// Adds what is to be sent to `output`, until that is longer than `byteCountMax`.
    func drain(into output: inout [UInt8], byteCountMax: Int) {
        while output.count < byteCountMax, !isBroken {
            var chunk: UnsafePointer<UInt8>?
            let count = unsafe nghttp2_session_mem_send(raw, &chunk)
            guard count > 0, let start = unsafe chunk else {
                if count < 0 { isBroken = true }
                return
            }
            unsafe output.append(contentsOf: UnsafeBufferPointer(start: start, count: count))
        }
    }

    /// Whether nothing more will come or go.
    var isOver: Bool {
        if isBroken || isLeaving && streams.isEmpty { return true }
        return unsafe nghttp2_session_want_read(raw) == 0 && nghttp2_session_want_write(raw) == 0
    }

    /// Whether a request is under way, or its answer.
    var isBusy: Bool { !streams.isEmpty }

    // MARK: The end

    /// Ends the connection of a peer that takes more memory than there is for it.
    func calm() {
        isFlooded = true
        _ = unsafe nghttp2_session_terminate_session(raw, NGHTTP2_ENHANCE_YOUR_CALM.rawValue)
    }

    /// Tells the peer that the connection will close, while it may still ask (RFC 9113 §6.8).
    func sayNotice() {
        guard !saidNotice, !isLeaving else { return }
        saidNotice = true
        _ = unsafe nghttp2_submit_shutdown_notice(raw)
    }

    /// Takes no more requests; those under way are answered.
    func leave() {
        guard !isLeaving else { return }
        isLeaving = true
        let last = unsafe nghttp2_session_get_last_proc_stream_id(raw)
        _ = unsafe nghttp2_submit_goaway(
            raw, UInt8(NGHTTP2_FLAG_NONE.rawValue), last, NGHTTP2_NO_ERROR.rawValue, nil, 0)
    }

    /// The time by which something must have happened.
    var deadline: Int64 {
        var earliest = Int64.max
        if let headBegan { earliest = headBegan &+ deadlines.head }
        for stream in streams.values where stream.stage != .asked { earliest = min(earliest, stream.deadline) }
        guard streams.isEmpty else { return earliest }
        return min(earliest, idleSince &+ (hasSettings ? deadlines.idle : deadlines.head))
    }

    /// Answers requests that did not become complete in time, and gives up answers that nobody takes.
    /// - Returns: streams to be refused for the time they took; nil when the connection has to go.
    func expire(now: Int64) -> [HTTP2Stream]? {
        self.now = now
        if let headBegan, now >= headBegan &+ deadlines.head { return nil }
        if streams.isEmpty { return now >= deadline ? nil : [] }
        var late: [HTTP2Stream] = []
        for stream in streams.values where stream.deadline <= now {
            switch stream.stage {
            case .receiving: late.append(stream)
            case .asked: break
            case .answering: return nil
            case .draining: endDrain(stream)
            }
        }
        return late
    }
}
