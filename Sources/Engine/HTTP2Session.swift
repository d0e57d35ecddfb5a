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
    private let deadlines: Deadlines
    /// Nil only while `init` runs, and when there is no memory.
    private var raw: OpaquePointer?
    private(set) var streams = HTTP2Streams()
    /// Streams whose request is complete and has not been handed on.
    private var ready: [Int32] = []
    /// Deferred answers by ticket. Zero for a stream that has gone: what it started goes on, and counts.
    private var pending: [UInt32: Int32] = [:]
    private var budget: HTTP2Budget
    private var scan = HTTP2FrameScan()
    private var now: Int64
    /// Since when a block of fields is under way.
    private var headBegan: Int64?
    /// When the last request ended, or the connection began.
    private var idleSince: Int64
    private var hasSettings = false
    private(set) var servedCount = 0
    /// What its streams keep in memory.
    private(set) var bufferedByteCount = 0
    private(set) var isFlooded = false
    private(set) var isBroken = false
    private var saidNotice = false
    private(set) var isLeaving = false
    private var fieldOctets: [UInt8] = []
    private var fieldParts: [HTTP2Field] = []

    /// - Parameter now: milliseconds of the loop's clock.
    init(_ limits: Limits, _ deadlines: Deadlines, now: Int64) {
        self.limits = limits
        self.deadlines = deadlines
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

    /// Takes in octets; afterwards ``takeReady()`` has the requests that became complete.
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
        // What was asked for before the flood was noticed is not answered any more.
        if isFlooded { _ = unsafe nghttp2_session_terminate_session(raw, NGHTTP2_ENHANCE_YOUR_CALM.rawValue) }
    }

    /// The streams whose requests wait for an answer, in their order.
    func takeReady() -> [Int32] {
        guard !ready.isEmpty, !isFlooded else { return [] }
        defer { ready.removeAll(keepingCapacity: true) }
        return ready
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

    // MARK: Answers

    /// Whether another request may be handed on: work that outlives its stream still counts (CVE-2023-44487).
    private var mayDefer: Bool { pending.count < limits.streamsMax }

    func noteDeferred(_ id: Int32, ticket: UInt32) {
        pending[ticket] = id
    }

    /// - Returns: the stream that waits for this answer, unless it has gone.
    func settle(_ ticket: UInt32) -> HTTP2Stream? {
        pending.removeValue(forKey: ticket).flatMap { streams[$0] }
    }

    func answer(_ stream: HTTP2Stream, _ response: borrowing Response, _ context: AnswerWriter.Context, date: [UInt8]) {
        guard stream.stage != .answering else { return }
        let isWhole = stream.stage == .asked
        stream.stage = .answering
        stream.isCutShort = !isWhole
        stream.began = now
        stream.deadline = now &+ deadlines.write
        servedCount += 1
        budget.earn(HTTP2Budget.controlsPerAnswer)
        let status = response.status >= 200 && response.status <= 599 ? response.status : 500
        HTTP2Field.lay(response, status, context, date: date, into: &fieldOctets, &fieldParts)
        let hasContent = status != 204 && status != 304 && !context.isHead && !response.body.isEmpty
        if hasContent { stream.answer.append(contentsOf: response.body) }
        weigh(stream)
        let result = unsafe HTTP2Field.withPairs(fieldParts, fieldOctets) { pairs in
            guard hasContent else {
                return unsafe nghttp2_submit_response(raw, stream.id, pairs.baseAddress, pairs.count, nil)
            }
            var source = unsafe HTTP2Callbacks.contentSource
            return unsafe nghttp2_submit_response(raw, stream.id, pairs.baseAddress, pairs.count, &source)
        }
        if result != 0 { reset(stream.id, NGHTTP2_INTERNAL_ERROR) }
    }

    private func sayContinue(_ stream: HTTP2Stream) {
        let text: StaticString = ":status100"
        let parts = [HTTP2Field(name: 0..<7, value: 7..<10, isSensitive: false)]
        let octets = unsafe Array(UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
        _ = unsafe HTTP2Field.withPairs(parts, octets) { pairs in
            unsafe nghttp2_submit_headers(
                raw, UInt8(NGHTTP2_FLAG_NONE.rawValue), stream.id, nil, pairs.baseAddress, pairs.count, nil)
        }
    }

    private func reset(_ id: Int32, _ code: nghttp2_error_code) {
        _ = unsafe nghttp2_submit_rst_stream(raw, UInt8(NGHTTP2_FLAG_NONE.rawValue), id, code.rawValue)
    }

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
            }
        }
        return late
    }
}

// MARK: What libnghttp2 reports

extension HTTP2Session {
    /// Has a frame paid for.
    private func count(_ frame: HTTP2FrameScan.Head) {
        switch UInt32(frame.type) {
        // Given back when a request begins: libnghttp2 decodes fields for a stream that is over and says nothing.
        case NGHTTP2_HEADERS.rawValue: spend(HTTP2Budget.headCost)
        case NGHTTP2_DATA.rawValue:
            let ends = frame.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0
            if frame.byteCount == 0, !ends { spend(4) }
        case NGHTTP2_SETTINGS.rawValue: spend(4)
        case NGHTTP2_CONTINUATION.rawValue: spend(8)
        case NGHTTP2_RST_STREAM.rawValue: if !budget.spendReset() { isFlooded = true }
        default: spend(1)
        }
    }

    private func spend(_ cost: Int64) {
        if !budget.spendControl(cost) { isFlooded = true }
    }

    /// A stream that we end before its answer was sent costs what one costs that the peer ends (CVE-2025-8671).
    func sentReset(_ code: UInt32) {
        if code != NGHTTP2_NO_ERROR.rawValue, !budget.spendReset() { isFlooded = true }
    }

    /// The rest of a request whose answer is out is not read (RFC 9113 §8.1).
    func sent(_ header: nghttp2_frame_hd) {
        let ends = header.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0
        if ends, streams[header.stream_id]?.isCutShort ?? false { reset(header.stream_id, NGHTTP2_NO_ERROR) }
    }

    func headBegins(_ id: Int32) {
        headBegan = headBegan ?? now
        guard streams[id] == nil else { return }
        budget.earn(HTTP2Budget.headCost)
        guard mayDefer, !isLeaving else { return reset(id, NGHTTP2_REFUSED_STREAM) }
        streams[id] = HTTP2Stream(id: id, deadline: now &+ deadlines.head)
    }

    func field(_ id: Int32, name: UnsafeBufferPointer<UInt8>, value: UnsafeBufferPointer<UInt8>) {
        guard let stream = streams[id], !stream.hasHead else { return }
        unsafe stream.take(name: name, value: value, limits)
        weigh(stream)
    }

    private func weigh(_ stream: HTTP2Stream) {
        let byteCount = stream.bufferedByteCount
        bufferedByteCount += byteCount - stream.weighedByteCount
        stream.weighedByteCount = byteCount
    }

    func frameEnds(_ header: nghttp2_frame_hd) {
        let type = UInt32(header.type)
        if type == NGHTTP2_SETTINGS.rawValue { hasSettings = true }
        if type == NGHTTP2_HEADERS.rawValue { headBegan = nil }
        guard type == NGHTTP2_HEADERS.rawValue || type == NGHTTP2_DATA.rawValue,
            let stream = streams[header.stream_id]
        else { return }
        let ends = header.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0
        if !stream.hasHead {
            stream.finishHead(limits)
            weigh(stream)
            stream.began = now
            stream.deadline = deadlines.content(began: now, received: 0)
            if stream.expectsContinue, !ends, stream.fault == nil { sayContinue(stream) }
        }
        guard stream.stage == .receiving else { return }
        if ends {
            stream.stage = .asked
            giveBack(stream)
            ready.append(stream.id)
        } else if stream.fault != nil {
            ready.append(stream.id)
        }
    }

    func content(_ id: Int32, _ octets: UnsafeBufferPointer<UInt8>) {
        guard let stream = streams[id] else {
            _ = unsafe nghttp2_session_consume_connection(raw, octets.count)
            return
        }
        stream.unconsumed += octets.count
        unsafe stream.takeContent(octets, limits)
        weigh(stream)
        guard stream.stage == .receiving else { return }
        stream.deadline = deadlines.content(began: stream.began, received: stream.octets.count - stream.bodyStart)
    }

    private func giveBack(_ stream: HTTP2Stream) {
        guard stream.unconsumed > 0 else { return }
        _ = unsafe nghttp2_session_consume_connection(raw, stream.unconsumed)
        stream.unconsumed = 0
    }

    func streamEnds(_ id: Int32) {
        guard let stream = streams.removeValue(forKey: id) else { return }
        bufferedByteCount -= stream.weighedByteCount
        giveBack(stream)
        for (ticket, waiting) in pending where waiting == id { pending[ticket] = 0 }
        if streams.isEmpty { idleSince = now }
    }

    /// Copies the next piece of an answer's content.
    /// - Returns: how many octets, and whether these are the last; nil for a stream that has none.
    func nextContent(_ id: Int32, into room: UnsafeMutableBufferPointer<UInt8>) -> (count: Int, isLast: Bool)? {
        guard let stream = streams[id] else { return nil }
        let count = min(room.count, stream.answer.count - stream.answerSent)
        let range = stream.answerSent..<(stream.answerSent + count)
        _ = unsafe room.update(fromContentsOf: stream.answer[range])
        stream.answerSent += count
        stream.deadline = deadlines.answer(began: stream.began, taken: stream.answerSent, now: now)
        return (count, stream.answerSent == stream.answer.count)
    }
}
