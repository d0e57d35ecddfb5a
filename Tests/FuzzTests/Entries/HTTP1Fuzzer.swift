import HTTP
@testable import HTTPServer

/// The HTTP/1.1 reader: messages one behind the other, read whole and in pieces, with the same outcome.
///
/// The first octet says how long the pieces are.
enum HTTP1Fuzzer {
    private struct Outcome: Equatable {
        var progress: HTTP1Reader.Progress
        var message: [String] = []
        var body: [UInt8] = []
    }

    static func make() -> ([UInt8]) -> Void {
        var limits = Limits()
        // Low enough that what a fuzzer writes reaches them.
        limits.targetByteCountMax = 256
        limits.headByteCountMax = 1_024
        limits.fieldCountMax = 16
        limits.bodyByteCountMax = 1_024
        limits.largeBodyByteCountMax = 2_048
        limits.chunkOverheadMax = 256
        let bounds = limits
        var whole = Request(byteCount: 8_192)
        var pieces = Request(byteCount: 8_192)
        return { bytes in
            guard let first = bytes.first else { return }
            let octets = bytes.dropFirst()
            let end = octets.count
            whole.bytes.replaceSubrange(0..<end, with: octets)
            var offset = 0
            while offset < end {
                pieces.bytes.replaceSubrange(0..<end, with: octets)
                var reader = HTTP1Reader(limits: bounds)
                let progress = read(&reader, &whole, from: offset, to: end)
                let found = outcome(progress, whole, from: offset, to: end, bounds)
                let again = inPieces(&pieces, from: offset, to: end, step: Int(first % 64) + 1, bounds)
                demand(isSame(found, again), "in pieces it reads the same: \(found) \(again)")
                guard case .complete(let consumed) = progress else { return }
                offset += consumed
            }
        }
    }

    /// Reads as an event loop does whose handler allows more content to every POST.
    private static func read(
        _ reader: inout HTTP1Reader, _ request: inout Request, from offset: Int, to end: Int
    ) -> HTTP1Reader.Progress {
        let progress = reader.read(&request, from: offset, to: end)
        guard progress == .fault(.bodyTooLarge), reader.canBeLarge,
            (try? reader.restoreHead(&request, from: offset, to: end)) != nil, request.method == .post,
            reader.allow(contentByteCount: .max)
        else { return progress }
        return reader.read(&request, from: offset, to: end)
    }

    private static func inPieces(
        _ request: inout Request, from offset: Int, to end: Int, step: Int, _ limits: Limits
    ) -> Outcome {
        var reader = HTTP1Reader(limits: limits)
        var reached = offset
        var input: [UInt8] = []
        while reached < end {
            let next = min(end, reached + step)
            input.append(contentsOf: request.bytes[reached..<next])
            reached = next
            // As an event loop does, which reads the whole message again only if that can make progress.
            if reader.needsMore(&input) { continue }
            let progress = read(&reader, &request, from: offset, to: reached)
            if progress != .needsMore { return outcome(progress, request, from: offset, to: reached, limits) }
            demand(reader.byteCountWanted >= 0, "what is waited for is bounded")
        }
        return Outcome(progress: .needsMore)
    }

    /// A fault may be noticed at another time, and as another one: a line in pieces is looked at when it is whole. But
    /// never does the one reading take what the other does not.
    private static func isSame(_ left: Outcome, _ right: Outcome) -> Bool {
        switch (left.progress, right.progress) {
        case (.complete, _), (_, .complete): left == right
        default: true
        }
    }

    private static func outcome(
        _ progress: HTTP1Reader.Progress, _ request: borrowing Request, from offset: Int, to end: Int, _ limits: Limits
    ) -> Outcome {
        guard case .complete(let consumed) = progress else { return Outcome(progress: progress) }
        demand(consumed > 0 && offset + consumed <= end, "a message has its octets")
        let all = offset..<(offset + consumed)
        demand(isInside(request.path, all) && !request.path.isEmpty, "the path lies inside")
        demand(request.query.isEmpty || isInside(request.query, all), "the query lies inside")
        demand(request.body.isEmpty || isInside(request.body, all), "the content lies inside")
        let bodyMax = request.method == .post ? limits.largeBodyByteCountMax : limits.bodyByteCountMax
        demand(request.body.count <= bodyMax, "the content is bounded")
        demand(request.fields.count <= limits.fieldCountMax, "the fields are bounded")
        var message = ["\(request.method)", request.text(request.path), request.text(request.query)]
        for field in request.fields {
            demand(isInside(field.name, all) && isInside(field.value, all), "a field lies inside")
            for octet in request.bytes[field.name] {
                demand(ByteClass.token(octet) == octet, "a name is a lower token")
            }
            for octet in request.bytes[field.value] {
                demand(octet == 9 || (octet >= 0x20 && octet != 0x7f), "a value is one line of text")
            }
            message.append("\(request.text(field.name)): \(request.text(field.value))")
        }
        demand(request.fieldCount("content-length") <= 1 && request.fieldCount("host") <= 1, "told once")
        let isBoth = request.fieldCount("content-length") == 1 && request.fieldCount("transfer-encoding") > 0
        demand(!isBoth, "one framing")
        return Outcome(progress: progress, message: message, body: Array(request.bytes[request.body]))
    }

    private static func isInside(_ range: Range<Int>, _ whole: Range<Int>) -> Bool {
        range.lowerBound >= whole.lowerBound && range.upperBound <= whole.upperBound
    }
}
