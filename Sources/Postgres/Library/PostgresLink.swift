internal import CPostgres
internal import Glibc
internal import Store

/// One connection. Each call returns by its deadline; after a failure that is not an answer of the server, only
/// ``deinit`` is left.
///
/// One thread uses it.
@safe final class PostgresLink {
    /// Of libpq-fe.h: ConnStatusType, PostgresPollingStatusType and ExecStatusType.
    private enum Status {
        static let connectionOK: Int32 = 0
        static let (pollFailed, pollReading, pollOK): (Int32, Int32, Int32) = (0, 1, 3)
        static let (commandOK, tuplesOK, copyOut): (Int32, Int32, Int32) = (1, 2, 3)
    }

    /// Owned.
    private let raw: OpaquePointer
    /// Owned; libpq writes it while a function of it runs.
    private let warnings: UnsafeMutablePointer<cpostgres_warnings>

    /// Connects.
    ///
    /// - Parameter settings: keywords of libpq and their values.
    init(_ settings: [(String, String)], by deadline: StoreDeadline) throws(PostgresError) {
        let started = unsafe Self.start(settings)
        guard let started = unsafe started else { throw PostgresError(.broken, "no memory for a connection") }
        unsafe raw = unsafe started
        unsafe warnings = .allocate(capacity: 1)
        unsafe warnings.initialize(to: cpostgres_warnings())
        unsafe cpostgres_note_warnings(raw, warnings)
        try finish(by: deadline)
        guard unsafe cpostgres_set_nonblocking(raw) == 0 else { throw failure() }
    }

    deinit {
        unsafe cpostgres_finish(raw)
        unsafe warnings.deallocate()
    }

    /// Such as 150018 for 15.18.
    var serverVersion: Int { unsafe Int(cpostgres_server_version(raw)) }

    /// The SQLSTATE of the first warning since the last call, and its text.
    func takeWarning() -> (state: String, text: String)? {
        let noted = unsafe warnings.pointee
        guard noted.state.0 != 0 else { return nil }
        unsafe warnings.pointee = cpostgres_warnings()
        return (Self.text(noted.state), Self.text(noted.text))
    }

    /// Runs one statement.
    func run(_ text: String, _ values: BinaryValues = BinaryValues(), by deadline: StoreDeadline)
        throws(PostgresError) -> PostgresResult
    {
        try send(text, values, by: deadline)
        guard let result = try finishAnswer(by: deadline) else { throw .malformed("the answer is empty") }
        return result
    }

    /// Has the server parse a statement, which ``runPrepared(_:_:by:)`` can then run until the connection ends.
    ///
    /// - Parameter types: of its parameters, as ``BinaryValues/types``.
    func prepare(_ name: String, _ text: String, types: [UInt32], by deadline: StoreDeadline) throws(PostgresError) {
        guard unsafe cpostgres_send_prepare(raw, name, text, Int32(types.count), types) == 1 else { throw failure() }
        try flush(by: deadline)
        _ = try finishAnswer(by: deadline)
    }

    func runPrepared(
        _ name: String, _ values: BinaryValues, by deadline: StoreDeadline
    ) throws(PostgresError) -> PostgresResult {
        unsafe try send(values, by: deadline) { pointers, formats in
            unsafe cpostgres_send_query_prepared(
                raw, name, Int32(formats.count), pointers, values.lengths, formats)
        }
        guard let result = try finishAnswer(by: deadline) else { throw .malformed("the answer is empty") }
        return result
    }

    /// Runs several statements without values.
    func runScript(_ text: String, by deadline: StoreDeadline) throws(PostgresError) {
        guard unsafe cpostgres_send_query(raw, text) == 1 else { throw failure() }
        try flush(by: deadline)
        _ = try finishAnswer(by: deadline)
    }

    /// Runs a `COPY … TO STDOUT (FORMAT binary)` and passes its rows.
    func copy(_ text: String, by deadline: StoreDeadline, _ row: (inout BinaryReader) throws(PostgresError) -> Void)
        throws(PostgresError)
    {
        try send(text, BinaryValues(), by: deadline)
        guard let first = try answer(by: deadline) else { throw .malformed("the answer is empty") }
        guard first.status == Status.copyOut else { throw .malformed("the answer is not a copy") }
        var isFirst = true
        while let bytes = unsafe try copyData(by: deadline) {
            defer { unsafe cpostgres_free(UnsafeMutableRawPointer(mutating: bytes.baseAddress)) }
            var reader = unsafe BinaryReader(bytes)
            if isFirst {
                // The signature of 11 bytes, flags, and the length of an extension; then the first row.
                try reader.skip(15)
                let extra: Int32 = try reader.number()
                try reader.skip(Int(extra))
                isFirst = false
                if reader.isAtEnd { continue }
            }
            let count: Int16 = try reader.number()
            if count == -1 { continue }
            try row(&reader)
        }
        _ = try finishAnswer(by: deadline)
    }

    /// Waits until something was notified, for at most `milliseconds`.
    ///
    /// - Returns: whether something was.
    func awaitNotification(_ milliseconds: Int32) throws(PostgresError) -> Bool {
        if takeNotifications() { return true }
        _ = try poll(Int16(POLLIN), milliseconds)
        guard unsafe cpostgres_consume_input(raw) == 1 else { throw failure() }
        return takeNotifications()
    }

    /// Whether something was notified that has arrived and was not taken yet.
    func takeNotifications() -> Bool {
        var isNotified = false
        while unsafe cpostgres_take_notification(raw) == 1 { isNotified = true }
        return isNotified
    }

    private static func start(_ settings: [(String, String)]) -> OpaquePointer? {
        let keys = unsafe settings.map { unsafe strdup($0.0) }
        let values = unsafe settings.map { unsafe strdup($0.1) }
        defer {
            let texts = unsafe keys + values
            for index in unsafe texts.indices {
                guard let text = unsafe texts[index] else { continue }
                // One of the values may be a password.
                unsafe explicit_bzero(text, strlen(text))
                unsafe free(text)
            }
        }
        let keyList = unsafe keys.map { unsafe UnsafePointer($0) } + [nil]
        let valueList = unsafe values.map { unsafe UnsafePointer($0) } + [nil]
        return unsafe cpostgres_connect_start(keyList, valueList)
    }

    private func finish(by deadline: StoreDeadline) throws(PostgresError) {
        guard unsafe cpostgres_status(raw) != 1 else { throw failure() }
        // PQconnectPoll says to wait as if for writing before its first call.
        var wanted = Int16(POLLOUT)
        while true {
            guard try poll(wanted, deadline.milliseconds) else {
                throw PostgresError(.late, "no answer to the connection attempt in time")
            }
            switch unsafe cpostgres_connect_poll(raw) {
            case Status.pollOK: return
            case Status.pollFailed: throw failure()
            case Status.pollReading: wanted = Int16(POLLIN)
            default: wanted = Int16(POLLOUT)
            }
        }
    }

    private func send(_ text: String, _ values: BinaryValues, by deadline: StoreDeadline) throws(PostgresError) {
        unsafe try send(values, by: deadline) { pointers, formats in
            unsafe cpostgres_send_query_params(
                raw, text, Int32(formats.count), values.types, pointers, values.lengths, formats)
        }
    }

    /// - Parameter start: passes the addresses and the formats of the values to libpq; 1 if that took them.
    private func send(
        _ values: BinaryValues, by deadline: StoreDeadline, _ start: ([UnsafePointer<CChar>?], [Int32]) -> Int32
    ) throws(PostgresError) {
        let formats = [Int32](repeating: 1, count: values.types.count)
        let sent = unsafe values.bytes.withUnsafeBufferPointer { bytes in
            // An empty value needs an address too: without one it is NULL.
            let empty: StaticString = ""
            let base = unsafe bytes.baseAddress ?? empty.utf8Start
            let pointers: [UnsafePointer<CChar>?] = unsafe values.offsets.map {
                unsafe UnsafeRawPointer(base + $0).assumingMemoryBound(to: CChar.self)
            }
            return unsafe start(pointers, formats)
        }
        guard sent == 1 else { throw failure() }
        try flush(by: deadline)
    }

    private func flush(by deadline: StoreDeadline) throws(PostgresError) {
        while true {
            let flushed = unsafe cpostgres_flush(raw)
            if flushed == 0 { return }
            guard flushed == 1 else { throw failure() }
            guard try poll(Int16(POLLIN | POLLOUT), deadline.milliseconds) else { throw late() }
            guard unsafe cpostgres_consume_input(raw) == 1 else { throw failure() }
        }
    }

    private struct Answer {
        let status: Int32
        let result: PostgresResult
    }

    /// The next answer, nil after the last one; throws for an error.
    private func answer(by deadline: StoreDeadline) throws(PostgresError) -> Answer? {
        while unsafe cpostgres_is_busy(raw) == 1 { try receive(by: deadline) }
        guard let result = unsafe cpostgres_get_result(raw) else { return nil }
        let status = unsafe cpostgres_result_status(result)
        let state = unsafe PostgresResult.errorField(result, UInt8(ascii: "C"))
        let message = unsafe PostgresResult.errorField(result, UInt8(ascii: "M"))
        let owned = unsafe PostgresResult(result)
        switch status {
        case Status.commandOK, Status.tuplesOK, Status.copyOut: return Answer(status: status, result: owned)
        default:
            guard !state.isEmpty else { throw failure() }
            throw PostgresError(.answered(state), PostgresError.line(message))
        }
    }

    /// The first answer, after all that follow. An error may follow: a transaction is committed after its answer.
    private func finishAnswer(by deadline: StoreDeadline) throws(PostgresError) -> PostgresResult? {
        var first: PostgresResult?
        var fault: PostgresError?
        var isDone = false
        while !isDone {
            do throws(PostgresError) {
                let next = try answer(by: deadline)
                guard next?.status != Status.copyOut else { throw .malformed("the answer is a copy") }
                isDone = next == nil
                first = first ?? next?.result
            } catch {
                guard case .answered = error.cause else { throw error }
                fault = fault ?? error
            }
        }
        if let fault { throw fault }
        guard unsafe cpostgres_status(raw) == Status.connectionOK else { throw failure() }
        return first
    }

    /// The next piece of a copy, to be freed; nil after the last one.
    private func copyData(by deadline: StoreDeadline) throws(PostgresError) -> UnsafeRawBufferPointer? {
        while true {
            var bytes: UnsafeMutablePointer<CChar>?
            let count = unsafe cpostgres_get_copy_data(raw, &bytes)
            if let bytes = unsafe bytes, count > 0 {
                return unsafe UnsafeRawBufferPointer(start: bytes, count: Int(count))
            }
            switch count {
            case 0: try receive(by: deadline)
            case -1: return nil
            default: throw failure()
            }
        }
    }

    private func receive(by deadline: StoreDeadline) throws(PostgresError) {
        guard try poll(Int16(POLLIN), deadline.milliseconds) else { throw late() }
        guard unsafe cpostgres_consume_input(raw) == 1 else { throw failure() }
    }

    /// Returns whether the socket became ready in time.
    private func poll(_ events: Int16, _ milliseconds: Int32) throws(PostgresError) -> Bool {
        let socket = unsafe cpostgres_socket(raw)
        guard socket >= 0 else { throw failure() }
        let deadline = StoreDeadline.after(milliseconds: Int(milliseconds))
        while true {
            var entry = pollfd(fd: socket, events: events, revents: 0)
            let count = unsafe Glibc.poll(&entry, 1, deadline.milliseconds)
            if count > 0 { return true }
            if count == 0 { return false }
            guard errno == EINTR else { throw PostgresError(.broken, "poll failed with error \(errno)") }
        }
    }

    private func late() -> PostgresError { PostgresError(.late, "no answer in time") }

    /// The error that libpq describes. In its verbose form, that of a login has a SQLSTATE.
    private func failure() -> PostgresError {
        let message = unsafe cpostgres_error_message(raw).map { unsafe String(cString: $0) } ?? ""
        let line = PostgresError.line(message)
        guard let state = PostgresError.state(line) else {
            return PostgresError(.broken, line.isEmpty ? "the connection broke" : line)
        }
        return PostgresError(.answered(state), line)
    }

    private static func text<Bytes>(_ bytes: Bytes) -> String {
        unsafe withUnsafeBytes(of: bytes) { buffer in
            unsafe String(decoding: buffer.prefix { $0 != 0 }, as: UTF8.self)
        }
    }
}
