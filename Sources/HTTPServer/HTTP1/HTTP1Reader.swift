package import HTTP

/// Parses consecutive HTTP/1.1 messages from bytes that arrive in pieces (RFC 9112), and rejects every message that two
/// readers could interpret differently.
///
/// The state covers only an incomplete message. It does not depend on where the bytes are, so they can move between two
/// calls. A complete line is never parsed again while more input is missing. A head that arrived in several pieces is
/// parsed once more at the end, to fill in the request.
package struct HTTP1Reader: Sendable {
    package enum Progress: Equatable, Sendable {
        case needsMore
        /// - Parameter consumed: how many bytes from the offset belong to this message.
        case complete(consumed: Int)
        case fault(RequestError)
    }

    enum Phase: UInt8 {
        case requestLine
        case fields
        case content
        case chunkSize
        case chunkData
        case trailers
    }

    let limits: HTTP1Limits
    private(set) var phase = Phase.requestLine
    private(set) var head = HTTP1Head()
    /// Where the next line, chunk or content begins. Like all offsets here, it is relative to the start of the message.
    private var position = 0
    /// The end of the range after ``position`` that contains no line feed.
    private var searched = 0
    private var contentStart = 0
    /// The number of bytes of decoded content, as far as announced.
    private var contentCount = 0
    /// The greatest number of bytes that the content may have.
    private var contentCountMax: Int
    private var chunkCount = 0
    private var chunkOverhead = 0
    private var isSplit = false

    package init(limits: Limits) {
        self.init(HTTP1Limits(limits))
    }

    /// Discards the state of the message, ready for the next message on the connection.
    mutating func reset() {
        self = HTTP1Reader(limits)
    }

    private init(_ limits: HTTP1Limits) {
        self.limits = limits
        contentCountMax = limits.bodyByteCountMax
    }

    /// Whether the head is complete and the content is not.
    var isInContent: Bool {
        switch phase {
        case .requestLine, .fields: false
        case .content, .chunkSize, .chunkData, .trailers: true
        }
    }

    /// The number of bytes of the head; zero while it is incomplete.
    var headByteCount: Int { contentStart }

    /// How many bytes of this message must be available before another call can make progress.
    var byteCountWanted: Int {
        switch phase {
        case .content: contentStart &+ contentCount
        case .chunkData: position &+ chunkCount &+ 2
        default: 0
        }
    }

    /// Whether the message may have more content than most.
    var isLarge: Bool { contentCountMax > limits.bodyByteCountMax }

    /// Whether ``allow(contentByteCount:)`` can make the message acceptable after `.bodyTooLarge`.
    var canBeLarge: Bool { isInContent && !isLarge }

    /// Allows content up to this length, but never more than the limit for large content. After the fault
    /// `.bodyTooLarge`, the caller then calls ``read(_:from:to:)`` again with the same bytes.
    ///
    /// - Returns: whether that is more than before.
    mutating func allow(contentByteCount: Int) -> Bool {
        contentCountMax = max(contentCountMax, min(contentByteCount, limits.largeBodyByteCountMax))
        return isLarge
    }

    /// Parses the message whose first byte is at `offset`, as far as it is available.
    ///
    /// After ``Progress/needsMore`` the caller calls again with the same bytes, which may have moved, followed by more.
    /// After ``Progress/complete(consumed:)`` the request is filled in. After ``Progress/fault(_:)`` the remaining
    /// bytes have no meaning, unless the fault is `.bodyTooLarge` and more content is allowed.
    package mutating func read(_ request: inout Request, from offset: Int, to end: Int) -> Progress {
        guard offset >= 0, end <= request.bytes.count, offset < end else { return .needsMore }
        do throws(RequestError) {
            if isSplit, try !hasNewLine(request.bytes.span, from: offset, to: end) { return .needsMore }
            guard let consumed = try advance(&request, base: offset, end: end) else {
                isSplit = true
                searched = end &- offset
                return .needsMore
            }
            if isSplit { try rebuildHead(&request, base: offset, end: end) }
            let start = offset &+ contentStart
            if head.isChunked { joinChunks(&request.bytes, from: start, to: end) }
            request.body = start..<(start &+ contentCount)
            return .complete(consumed: consumed)
        } catch {
            return .fault(error)
        }
    }

    /// Continues with an incomplete message, and reads only bytes that were not parsed before.
    ///
    /// The caller need not move the whole message to where requests are parsed each time that a part of it arrives.
    ///
    /// - Parameter bytes: the message from its first byte.
    /// - Returns: whether more is needed. If not, nothing has changed, and ``read(_:from:to:)`` decides.
    mutating func needsMore(_ bytes: inout [UInt8]) -> Bool {
        guard isSplit else { return false }
        let end = bytes.count
        var next = self
        do throws(RequestError) {
            if try next.hasNewLine(bytes.span, from: 0, to: end) {
                switch phase {
                case .requestLine, .fields: return false
                case .content: guard end < byteCountWanted else { return false }
                case .chunkSize, .chunkData, .trailers:
                    guard try !next.readChunks(&bytes, base: 0, end: end) else { return false }
                }
                next.searched = end
            }
            self = next
            return true
        } catch {
            return false
        }
    }

    /// Continues with the message.
    ///
    /// - Returns: the length of the whole message, or nil if it is incomplete.
    private mutating func advance(_ request: inout Request, base: Int, end: Int) throws(RequestError) -> Int? {
        if phase == .requestLine || phase == .fields {
            guard try readHead(&request, base: base, end: end) else { return nil }
            contentStart = position
            switch try head.framing(limits) {
            case .none: return position
            case .length(let count):
                contentCount = count
                phase = .content
            case .chunked: phase = .chunkSize
            }
        }
        if phase == .content {
            guard contentCount <= contentCountMax else { throw .bodyTooLarge }
            let total = contentStart &+ contentCount
            return end &- base >= total ? total : nil
        }
        return try readChunks(&request.bytes, base: base, end: end) ? position : nil
    }

    /// Returns whether there is a new line to parse. An incomplete line is not parsed again until its end arrives.
    private mutating func hasNewLine(_ bytes: Span<UInt8>, from base: Int, to end: Int) throws(RequestError) -> Bool {
        switch phase {
        case .content, .chunkSize, .chunkData: return true
        case .requestLine, .fields, .trailers: break
        }
        var index = base &+ searched
        while index < end {
            if bytes[index] == .lineFeed { return true }
            index &+= 1
        }
        searched = end &- base
        try checkUnfinishedLine(byteCount: searched)
        return false
    }

    private func checkUnfinishedLine(byteCount: Int) throws(RequestError) {
        switch phase {
        case .requestLine:
            // The added 64 bytes cover the method, the version and the white space between them.
            if byteCount > limits.targetByteCountMax &+ 64 { throw .targetTooLong }
            if byteCount > limits.headByteCountMax { throw .headTooLarge }
        case .fields: if byteCount > limits.headByteCountMax { throw .headTooLarge }
        case .trailers:
            if chunkOverhead &+ (byteCount &- position) > limits.chunkOverheadMax { throw .headTooLarge }
        case .content, .chunkSize, .chunkData: break
        }
    }
}

// MARK: Head

extension HTTP1Reader {
    /// Parses the request line and the field lines.
    ///
    /// - Returns: whether the head is complete; ``position`` is then where the content begins.
    private mutating func readHead(_ request: inout Request, base: Int, end: Int) throws(RequestError) -> Bool {
        if phase == .requestLine {
            guard try readRequestLine(&request, base: base, end: end) else { return false }
            request.fields.removeAll(keepingCapacity: true)
            phase = .fields
        }
        return try readFields(&request.bytes, &request.fields, base: base, end: end)
    }

    private mutating func readFields(
        _ buffer: inout [UInt8], _ fields: inout [Request.Field], base: Int, end: Int
    ) throws(RequestError) -> Bool {
        var line = base &+ position
        defer { position = line &- base }
        var bytes = buffer.mutableSpan
        while true {
            guard let next = try FieldLine.read(&bytes, from: line, to: end) else {
                try checkUnfinishedLine(byteCount: end &- base)
                return false
            }
            guard next.end &- base <= limits.headByteCountMax else { throw .headTooLarge }
            line = next.end
            if next.isEmpty { return true }
            head.fieldCount &+= 1
            guard head.fieldCount <= limits.fieldCountMax else { throw .headTooLarge }
            try head.note(next, in: bytes.span, base: base)
            fields.append(Request.Field(name: next.name, value: next.value))
        }
    }

    private mutating func readRequestLine(_ request: inout Request, base: Int, end: Int) throws(RequestError) -> Bool {
        guard let line = try RequestLine.read(request.bytes.span, from: base, to: end, limits) else {
            try checkUnfinishedLine(byteCount: end &- base)
            return false
        }
        head.isVersion10 = line.isVersion10
        head.authority = (line.authority.lowerBound &- base)..<(line.authority.upperBound &- base)
        position = line.end &- base
        request.method = line.method
        request.path = line.path
        request.query = line.query
        return true
    }

    /// Fills in the request except its content once the head is complete, for a decision that precedes the content.
    ///
    /// - Throws: only if the bytes differ from those of the previous call to ``read(_:from:to:)``.
    mutating func restoreHead(_ request: inout Request, from offset: Int, to end: Int) throws(RequestError) {
        try rebuildHead(&request, base: offset, end: end)
        request.body = (offset &+ contentStart)..<(offset &+ contentStart)
    }

    /// Parses a head that arrived in pieces again. From now on the request remains valid until it is answered.
    private mutating func rebuildHead(_ request: inout Request, base: Int, end: Int) throws(RequestError) {
        let (savedPhase, savedPosition) = (phase, position)
        head = HTTP1Head()
        phase = .requestLine
        position = 0
        guard try readHead(&request, base: base, end: end) else {
            // The bytes differ from those of the previous call, so the message is rejected.
            throw .malformedRequestLine
        }
        _ = try head.framing(limits)
        (phase, position) = (savedPhase, savedPosition)
    }
}

// MARK: Chunked coding, RFC 9112 §7.1

extension HTTP1Reader {
    /// Parses chunks and trailers.
    ///
    /// - Returns: whether the last chunk and the trailers are complete.
    private mutating func readChunks(_ buffer: inout [UInt8], base: Int, end: Int) throws(RequestError) -> Bool {
        var bytes = buffer.mutableSpan
        while true {
            let start = base &+ position
            switch phase {
            case .chunkSize:
                guard let line = try ChunkLine.read(bytes.span, from: start, to: end, countMax: contentCountMax)
                else { return false }
                let overhead = chunkOverhead &+ line.end &- start &+ 2
                guard contentCount &+ line.count <= contentCountMax, overhead <= limits.chunkOverheadMax else {
                    throw .bodyTooLarge
                }
                chunkCount = line.count
                contentCount &+= line.count
                chunkOverhead = overhead
                position = line.end &- base
                phase = line.count == 0 ? .trailers : .chunkData
            case .chunkData:
                let dataEnd = start &+ chunkCount
                guard dataEnd &+ 2 <= end else { return false }
                guard bytes[dataEnd] == .carriageReturn, bytes[dataEnd &+ 1] == .lineFeed else {
                    throw .ambiguousFraming
                }
                position = dataEnd &+ 2 &- base
                phase = .chunkSize
            default:
                guard let line = try FieldLine.read(&bytes, from: start, to: end) else {
                    try checkUnfinishedLine(byteCount: end &- base)
                    return false
                }
                position = line.end &- base
                // The empty line counts too, as it does while only half of it has arrived.
                chunkOverhead &+= line.end &- start
                guard chunkOverhead <= limits.chunkOverheadMax else { throw .headTooLarge }
                if line.isEmpty { return true }
                try HTTP1Head.checkTrailer(line, in: bytes.span)
            }
        }
    }

    /// Joins the data of the chunks at `start`. Their framing has been validated, so this cannot fail.
    private func joinChunks(_ buffer: inout [UInt8], from start: Int, to end: Int) {
        var bytes = buffer.mutableSpan
        var (source, target) = (start, start)
        while let line = try? ChunkLine.read(bytes.span, from: source, to: end, countMax: contentCountMax) {
            guard line.count > 0, line.end &+ line.count &+ 2 <= end else { return }
            bytes.move(line.count, from: line.end, to: target)
            target &+= line.count
            source = line.end &+ line.count &+ 2
        }
    }
}
