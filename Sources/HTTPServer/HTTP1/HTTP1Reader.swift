package import HTTP

/// Reads one HTTP/1.1 message after another from octets that arrive in pieces (RFC 9112), and refuses whatever two
/// readers could understand differently.
///
/// The state is what must be remembered of a message that is not there in full; it says nothing about where its octets
/// lie, so they may move between two calls. A line that is complete is never looked at again while more is missing; a
/// head that came in several pieces is read once more at the end, to fill in the request.
package struct HTTP1Reader: Sendable {
    package enum Progress: Equatable, Sendable {
        case needsMore
        /// - Parameter consumed: how many octets from the offset belong to this message.
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
    /// Where the next line, chunk or content begins; like all offsets kept here, from the start of the message.
    private var position = 0
    /// Up to where there is no line feed after ``position``.
    private var searched = 0
    private var contentStart = 0
    /// Of the decoded content, as far as announced.
    private var contentCount = 0
    private var chunkCount = 0
    private var chunkOverhead = 0
    private var isSplit = false

    package init(limits: Limits) {
        self.limits = HTTP1Limits(limits)
    }

    /// Forgets the message that was read, for the next one on the same connection.
    mutating func reset() {
        self = HTTP1Reader(limits)
    }

    private init(_ limits: HTTP1Limits) {
        self.limits = limits
    }

    /// Whether the head is complete and the content is not.
    var isInContent: Bool {
        switch phase {
        case .requestLine, .fields: false
        case .content, .chunkSize, .chunkData, .trailers: true
        }
    }

    /// How many octets the head had; zero while it is not complete.
    var headByteCount: Int { contentStart }

    /// How many octets of this message must be there before reading on can make progress.
    var byteCountWanted: Int {
        switch phase {
        case .content: contentStart &+ contentCount
        case .chunkData: position &+ chunkCount &+ 2
        default: 0
        }
    }

    /// Reads the message whose first octet is at `offset`, as far as it is there.
    ///
    /// After ``Progress/needsMore`` call again with the same octets, wherever they are by then, and more behind them.
    /// After ``Progress/complete(consumed:)`` the request is filled in; after ``Progress/fault(_:)`` the rest has no
    /// meaning.
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

    /// - Returns: the length of the whole message, or nil when not all of it is there.
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
            let total = contentStart &+ contentCount
            return end &- base >= total ? total : nil
        }
        return try readChunks(&request.bytes, base: base, end: end) ? position : nil
    }

    /// Whether reading lines on is worthwhile: a line without its end was already read as far as it goes.
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
            // The method, the version and the white space between them fit in what is added.
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

    /// Fills in the request up to its content, once the head is complete: for a decision that comes before the content.
    ///
    /// - Throws: only if the bytes differ from those of the call to ``read(_:from:to:)`` before.
    mutating func restoreHead(_ request: inout Request, from offset: Int, to end: Int) throws(RequestError) {
        try rebuildHead(&request, base: offset, end: end)
        request.body = (offset &+ contentStart)..<(offset &+ contentStart)
    }

    /// Reads a head again that came in pieces, now that the request stays ours until it is answered.
    private mutating func rebuildHead(_ request: inout Request, base: Int, end: Int) throws(RequestError) {
        let (savedPhase, savedPosition) = (phase, position)
        head = HTTP1Head()
        phase = .requestLine
        position = 0
        guard try readHead(&request, base: base, end: end) else {
            // The octets differ from those of the call before: not ours to guess.
            throw .malformedRequestLine
        }
        _ = try head.framing(limits)
        (phase, position) = (savedPhase, savedPosition)
    }
}

// MARK: Chunked coding, RFC 9112 §7.1

extension HTTP1Reader {
    /// - Returns: whether the last chunk and the trailers are there.
    private mutating func readChunks(_ buffer: inout [UInt8], base: Int, end: Int) throws(RequestError) -> Bool {
        var bytes = buffer.mutableSpan
        while true {
            let start = base &+ position
            switch phase {
            case .chunkSize:
                guard let line = try ChunkLine.read(bytes.span, from: start, to: end, countMax: limits.bodyByteCountMax)
                else { return false }
                chunkCount = line.count
                contentCount &+= line.count
                chunkOverhead &+= line.end &- start &+ 2
                guard contentCount <= limits.bodyByteCountMax, chunkOverhead <= limits.chunkOverheadMax else {
                    throw .bodyTooLarge
                }
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
                // The empty line counts as well, as it does while half of it is there.
                chunkOverhead &+= line.end &- start
                guard chunkOverhead <= limits.chunkOverheadMax else { throw .headTooLarge }
                if line.isEmpty { return true }
                try HTTP1Head.checkTrailer(line, in: bytes.span)
            }
        }
    }

    /// Moves the chunks together at `start`. Their framing has been checked, so nothing here can fail.
    private func joinChunks(_ buffer: inout [UInt8], from start: Int, to end: Int) {
        var bytes = buffer.mutableSpan
        var (source, target) = (start, start)
        while let line = try? ChunkLine.read(bytes.span, from: source, to: end, countMax: limits.bodyByteCountMax) {
            guard line.count > 0, line.end &+ line.count &+ 2 <= end else { return }
            bytes.move(line.count, from: line.end, to: target)
            target &+= line.count
            source = line.end &+ line.count &+ 2
        }
    }
}

extension MutableSpan<UInt8> {
    /// memmove(3) inside the span.
    fileprivate mutating func move(_ byteCount: Int, from source: Int, to target: Int) {
        precondition(byteCount >= 0 && source >= 0 && target >= 0, "offsets into a span are not negative")
        precondition(source <= count &- byteCount && target <= count &- byteCount, "a move stays inside its span")
        unsafe withUnsafeMutableBytes { octets in
            guard let start = octets.baseAddress else { return }
            unsafe (start + target).copyMemory(from: start + source, byteCount: byteCount)
        }
    }
}
