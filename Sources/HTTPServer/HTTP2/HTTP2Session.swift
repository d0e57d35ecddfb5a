import CNgHTTP2
import HTTP

/// The HTTP/2 state of one connection (RFC 9113): libnghttp2 does the framing and the field compression, this type
/// keeps the streams, the limits and the responses.
///
/// It does no I/O: bytes go in by ``receive(_:now:)`` and come out by ``drain(into:byteCountMax:)``. It belongs to the
/// thread of one loop.
@safe final class HTTP2Session {
    /// The number of bytes passed to nghttp2_session_mem_recv in one call, small enough to detect a flood early.
    private static let sliceByteCount = 16_384
    /// The flow-control window of the connection: the limit for the bytes of all incomplete requests together.
    private static let connectionWindow: Int32 = 1 << 20

    let limits: Limits
    let deadlines: Deadlines
    let pool: HTTP2StreamPool
    /// Nil only while `init` runs, and after a failed allocation.
    private(set) var raw: OpaquePointer?
    var streams = HTTP2Streams()
    /// The stream whose field block is being received.
    var current: HTTP2Stream?
    /// Streams with a complete request that the handler has not received yet.
    var ready: [Int32] = []
    /// The streams of deferred answers, by ticket. Zero marks a closed stream: its work continues and still counts.
    var pending: [UInt32: Int32] = [:]
    var budget: HTTP2Budget
    private var scan = HTTP2FrameScan()
    var now: Int64
    /// When the current field block began, in milliseconds on the clock of the loop.
    var headBegan: Int64?
    /// When the last request ended or the connection began, in milliseconds on the clock of the loop.
    var idleSince: Int64
    var hasSettings = false
    var servedCount = 0
    /// The number of streams that were answered before their request was complete.
    var cutShortCount = 0
    /// The number of bytes of memory that the streams use.
    var bufferedByteCount = 0
    var isFlooded = false
    var isBroken = false
    var saidNotice = false
    var isLeaving = false

    /// Creates the session.
    ///
    /// - Parameters:
    ///   - pool: the pool of the loop.
    ///   - now: milliseconds on the clock of the loop.
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

    deinit {
        for stream in streams.values {
            stream.source?.close()
            stream.wait?.close()
        }
        unsafe nghttp2_session_del(raw)
    }

    private func begin() -> Bool {
        let settings = [
            setting(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, limits.streamsMax),
            setting(NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, limits.headByteCountMax),
            // One byte more than the limit, so that a body that is too long is detected without another window update.
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

    /// Processes received bytes; ``takeReady(into:)`` then returns the requests that became complete.
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
        // Requests received before the flood was detected are no longer answered.
        if isFlooded { _ = unsafe nghttp2_session_terminate_session(raw, NGHTTP2_ENHANCE_YOUR_CALM.rawValue) }
    }

    /// Moves the streams whose requests are ready, in order, to `list`, which must be empty. The two arrays are
    /// swapped.
    func takeReady(into list: inout [Int32]) {
        if !isFlooded { swap(&ready, &list) }
    }

    /// Appends pending bytes to `output` until its length exceeds `byteCountMax`.
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

    /// Whether nothing remains to be received or sent.
    var isOver: Bool {
        if isBroken || isLeaving && streams.isEmpty { return true }
        return unsafe nghttp2_session_want_read(raw) == 0 && nghttp2_session_want_write(raw) == 0
    }

    /// Whether a request or a response is in progress.
    var isBusy: Bool { !streams.isEmpty }

    // MARK: The end

    /// Ends the connection of a client that exceeds its share of memory.
    func calm() {
        isFlooded = true
        _ = unsafe nghttp2_session_terminate_session(raw, NGHTTP2_ENHANCE_YOUR_CALM.rawValue)
    }

    /// Announces that the connection will close, while the client may still send requests (RFC 9113 §6.8).
    func sayNotice() {
        guard !saidNotice, !isLeaving else { return }
        saidNotice = true
        _ = unsafe nghttp2_submit_shutdown_notice(raw)
    }

    /// Accepts no more requests; requests in progress are still answered.
    func leave() {
        guard !isLeaving else { return }
        isLeaving = true
        let last = unsafe nghttp2_session_get_last_proc_stream_id(raw)
        _ = unsafe nghttp2_submit_goaway(
            raw, UInt8(NGHTTP2_FLAG_NONE.rawValue), last, NGHTTP2_NO_ERROR.rawValue, nil, 0)
    }

    /// The time of the next timeout, in milliseconds on the clock of the loop.
    var deadline: Int64 {
        var earliest = Int64.max
        if let headBegan { earliest = headBegan &+ deadlines.head }
        for stream in streams.values where stream.stage != .asked { earliest = min(earliest, stream.deadline) }
        guard streams.isEmpty else { return earliest }
        return min(earliest, idleSince &+ (hasSettings ? deadlines.idle : deadlines.head))
    }

    /// Times out incomplete requests, and gives up responses that the client does not read.
    ///
    /// - Returns: the streams to answer with a timeout error; nil if the connection must close.
    func expire(now: Int64) -> [HTTP2Stream]? {
        self.now = now
        if let headBegan, now >= headBegan &+ deadlines.head { return nil }
        if streams.isEmpty { return now >= deadline ? nil : [] }
        var late: [HTTP2Stream] = []
        for stream in streams.values where stream.deadline <= now {
            switch stream.stage {
            case .receiving: late.append(stream)
            case .asked: break
            // A client that has read all pieces so far, up to the end of its window, is not late.
            case .answering where stream.source?.hasMore == false: stream.deadline = .max
            case .answering: return nil
            case .draining: endDrain(stream)
            }
        }
        return late
    }
}
