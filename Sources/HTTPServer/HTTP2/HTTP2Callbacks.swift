import CNgHTTP2

/// The libnghttp2 callbacks of ``HTTP2Session``, installed once for all sessions.
enum HTTP2Callbacks {
    /// Creates the nghttp2_session of a session.
    ///
    /// The ``HTTP2Session`` outlives its nghttp2_session, which it owns, so the pointer in each callback is valid.
    static func session(_ owner: UnsafeMutableRawPointer) -> OpaquePointer? {
        var callbacks: OpaquePointer?
        guard unsafe nghttp2_session_callbacks_new(&callbacks) == 0 else { return nil }
        defer { unsafe nghttp2_session_callbacks_del(callbacks) }
        unsafe nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, onBeginHeaders)
        unsafe nghttp2_session_callbacks_set_on_header_callback(callbacks, onHeader)
        unsafe nghttp2_session_callbacks_set_on_invalid_header_callback(callbacks, onInvalidHeader)
        unsafe nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, onFrameReceived)
        unsafe nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, onContent)
        unsafe nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, onStreamClose)
        unsafe nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, onFrameSent)
        var options: OpaquePointer?
        guard unsafe nghttp2_option_new(&options) == 0 else { return nil }
        defer { unsafe nghttp2_option_del(options) }
        // The server manages the flow-control windows, so that it never requests data that it does not yet want to
        // read.
        unsafe nghttp2_option_set_no_auto_window_update(options, 1)
        unsafe nghttp2_option_set_no_closed_streams(options, 1)
        unsafe nghttp2_option_set_max_settings(options, 32)
        var session: OpaquePointer?
        guard unsafe nghttp2_session_server_new2(&session, callbacks, owner, options) == 0 else { return nil }
        return unsafe session
    }

    /// Describes to nghttp2_submit_response where the content of a response comes from.
    static var contentSource: nghttp2_data_provider {
        unsafe nghttp2_data_provider(source: nghttp2_data_source(fd: 0), read_callback: readContent)
    }

    /// Calls `body` with the session without changing its reference count: the caller of libnghttp2 owns a reference
    /// for the duration of the call.
    @inline(__always)
    fileprivate static func with<Result>(
        _ owner: UnsafeMutableRawPointer?, _ body: (HTTP2Session) -> Result
    ) -> Result? {
        guard let owner = unsafe owner else { return nil }
        return unsafe Unmanaged<HTTP2Session>.fromOpaque(owner)._withUnsafeGuaranteedRef { body($0) }
    }
}

private func onBeginHeaders(
    _: OpaquePointer?, _ frame: UnsafePointer<nghttp2_frame>?, _ owner: UnsafeMutableRawPointer?
) -> Int32 {
    guard let frame = unsafe frame else { return 0 }
    unsafe HTTP2Callbacks.with(owner) { unsafe $0.headBegins(frame.pointee.hd.stream_id) }
    return 0
}

private func onHeader(
    _: OpaquePointer?, _ frame: UnsafePointer<nghttp2_frame>?, _ name: UnsafePointer<UInt8>?, _ nameCount: Int,
    _ value: UnsafePointer<UInt8>?, _ valueCount: Int, _: UInt8, _ owner: UnsafeMutableRawPointer?
) -> Int32 {
    guard let frame = unsafe frame else { return 0 }
    unsafe HTTP2Callbacks.with(owner) { session in
        unsafe session.field(
            frame.pointee.hd.stream_id, name: UnsafeBufferPointer(start: name, count: nameCount),
            value: UnsafeBufferPointer(start: value, count: valueCount))
    }
    return 0
}

/// Without this callback, a field with invalid bytes would be dropped and the request processed without it.
private func onInvalidHeader(
    _: OpaquePointer?, _: UnsafePointer<nghttp2_frame>?, _: UnsafePointer<UInt8>?, _: Int,
    _: UnsafePointer<UInt8>?, _: Int, _: UInt8, _: UnsafeMutableRawPointer?
) -> Int32 {
    Int32(NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue)
}

private func onFrameReceived(
    _: OpaquePointer?, _ frame: UnsafePointer<nghttp2_frame>?, _ owner: UnsafeMutableRawPointer?
) -> Int32 {
    guard let frame = unsafe frame else { return 0 }
    unsafe HTTP2Callbacks.with(owner) { unsafe $0.frameEnds(frame.pointee.hd) }
    return 0
}

private func onContent(
    _: OpaquePointer?, _: UInt8, _ stream: Int32, _ octets: UnsafePointer<UInt8>?, _ count: Int,
    _ owner: UnsafeMutableRawPointer?
) -> Int32 {
    unsafe HTTP2Callbacks.with(owner) { unsafe $0.content(stream, UnsafeBufferPointer(start: octets, count: count)) }
    return 0
}

private func onStreamClose(
    _: OpaquePointer?, _ stream: Int32, _: UInt32, _ owner: UnsafeMutableRawPointer?
) -> Int32 {
    unsafe HTTP2Callbacks.with(owner) { $0.streamEnds(stream) }
    return 0
}

private func onFrameSent(
    _: OpaquePointer?, _ frame: UnsafePointer<nghttp2_frame>?, _ owner: UnsafeMutableRawPointer?
) -> Int32 {
    guard let frame = unsafe frame else { return 0 }
    if unsafe UInt32(frame.pointee.hd.type) == NGHTTP2_RST_STREAM.rawValue {
        unsafe HTTP2Callbacks.with(owner) { unsafe $0.sentReset(frame.pointee.rst_stream.error_code) }
    } else {
        unsafe HTTP2Callbacks.with(owner) { unsafe $0.sent(frame.pointee.hd) }
    }
    return 0
}

private func readContent(
    _: OpaquePointer?, _ stream: Int32, _ room: UnsafeMutablePointer<UInt8>?, _ roomCount: Int,
    _ flags: UnsafeMutablePointer<UInt32>?, _: UnsafeMutablePointer<nghttp2_data_source>?,
    _ owner: UnsafeMutableRawPointer?
) -> Int {
    let room = unsafe UnsafeMutableBufferPointer(start: room, count: roomCount)
    guard let next = unsafe HTTP2Callbacks.with(owner, { unsafe $0.nextContent(stream, into: room) }) ?? nil else {
        return Int(NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue)
    }
    guard next.count > 0 || next.isLast else { return Int(NGHTTP2_ERR_DEFERRED.rawValue) }
    if next.isLast { unsafe flags?.pointee |= NGHTTP2_DATA_FLAG_EOF.rawValue }
    return next.count
}
