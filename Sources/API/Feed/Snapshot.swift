import HTTP
import Platform
import Revocation
import Service

extension Route {
    package static let snapshot = Route(
        "/revocations/snapshot", [.get, .head], access: .bearer, policies: .onFollowers,
        codes: [
            .requestMalformed, .notEnabled, .clientInvalid, .tooManyAttempts, .scopeInsufficient, .signingUnavailable,
            .journalUnavailable, .storeUnavailable, .stale,
        ] + ProblemCode.ofTokens,
        operations: [
            Operation(
                method: .get, id: "snapshot", tag: "feed", summary: "Everything that is revoked now, signed.",
                description: """
                    One line with a JWS (`typ` rs+jwt, signed by a key of the JWK Set) over issuer, time, position, number \
                    and digest of the records, then the records in the binary form of the feed (docs/feed.md). The feed \
                    continues at its position. It is made at most every ten seconds. The entity tag is the position. Who \
                    may read it is the same as for /revocations. `martlet verify --revocations` uses it.
                    """,
                security: [.bearer, .client],
                parameters: [
                    Operation.Parameter(name: "If-None-Match", place: "header", schema: .string),
                    Operation.Parameter(
                        name: "Range", place: "header", schema: .string, description: "One range of bytes."),
                    Operation.Parameter(name: "If-Range", place: "header", schema: .string),
                ],
                answers: [
                    Operation.Answer(
                        status: 200, description: "The snapshot.", headers: headers + [digest("Content-Digest")],
                        content: content),
                    Operation.Answer(
                        status: 206, description: "A part of the records.", headers: headers + [digest("Repr-Digest")],
                        content: content),
                    Operation.Answer(
                        status: 304, description: "Nothing was recorded since. `Snapshot-Signature` is newer."),
                ])
        ]
    ) { application, request, response, exchange, call throws(Problem) in
        try application.snapshot(request, &response, exchange, call)
    }

    private static let content = Operation.Content(type: "application/vnd.martlet.snapshot", schema: .string)

    private static let headers = [
        Operation.Header(name: "ETag"),
        Operation.Header(name: "Revocation-Seq", schema: .position, description: "The position of the snapshot."),
        Operation.Header(name: "Snapshot-Signature", schema: .string, description: "The JWS of the first line."),
    ]

    private static func digest(_ name: String) -> Operation.Header {
        Operation.Header(name: name, schema: .string, description: "SHA-256 of the whole snapshot (RFC 9530).")
    }
}

/// What a request asks of a snapshot.
struct SnapshotQuestion: Sendable {
    let ifNoneMatch: String?
    let ifRange: String?
    let range: String?

    init(_ request: borrowing Request) {
        func text(_ field: StaticString) -> String? { request.field(field).map { request.text($0) } }
        ifNoneMatch = text("if-none-match")
        ifRange = text("if-range")
        range = text("range")
    }

    /// Returns the range of a snapshot that is wanted; nil for all of it.
    ///
    /// A range that touches the first line gets everything: the line has a new time every ten seconds, while the entity
    /// tag stays the same.
    func part(of snapshot: RevocationSnapshot, _ etag: String) -> Range<Int>? {
        guard let range, ifRange == nil || ifRange == etag, let found = SnapshotRange.parse(range, snapshot.byteCount),
            found.lowerBound >= snapshot.lineByteCount
        else { return nil }
        return found
    }
}

extension Application {
    private static let pieceByteCount = 32_768

    /// `GET /revocations/snapshot`: sends the last snapshot, or waits until one is made.
    func snapshot(
        _ request: borrowing Request, _ response: inout Response, _ exchange: borrowing Exchange, _ call: Call
    ) throws(Problem) -> Disposition {
        let (publisher, _) = try feedPermit(request, call)
        try Query.refuseAny(request)
        guard let snapshots = publisher.snapshots else { throw Problem(.notEnabled, "There is no journal here.") }
        let question = SnapshotQuestion(request)
        if let current = snapshots.current {
            guard let stream = write(current, question, exchange, &response) else { return .answered }
            return .streaming(stream)
        }
        let exchange = copy exchange
        // A client that leaves gets no answer, and the snapshot is made for the next one.
        let wait = exchange.wait { _ in }
        snapshots.request { result in
            wait.answer { handler, response in
                guard let application = handler as? Application else { return nil }
                var stream: ResponseStream?
                switch result {
                case .success(let snapshot): stream = application.write(snapshot, question, exchange, &response)
                case .failure(let failure): application.answer(Problem(failure), call, &response)
                }
                application.finish(call, &response)
                return stream
            }
        }
        return .waiting(wait)
    }

    /// - Returns: the content; nil if there is none.
    private func write(
        _ snapshot: RevocationSnapshot, _ question: SnapshotQuestion, _ exchange: borrowing Exchange,
        _ response: inout Response
    ) -> ResponseStream? {
        let etag = "\"\(snapshot.position.text)\""
        response.addLines("Cache-Control: no-store\r\nAccept-Ranges: bytes\r\n")
        response.addField("ETag", etag.utf8)
        response.addField("Revocation-Seq", snapshot.position.text.utf8)
        response.addField("Snapshot-Signature", snapshot.signature)
        if let match = question.ifNoneMatch, Self.matches(match, Array(etag.utf8)) {
            response.status = 304
            return nil
        }
        let part = question.part(of: snapshot, etag)
        let range = part ?? 0..<snapshot.byteCount
        response.addLines("Content-Type: application/vnd.martlet.snapshot\r\n")
        if part != nil {
            response.status = 206
            response.addField(
                "Content-Range", "bytes \(range.lowerBound)-\(range.upperBound &- 1)/\(snapshot.byteCount)".utf8)
            response.addField("Repr-Digest", snapshot.contentDigest.utf8)
        } else {
            response.addField("Content-Digest", snapshot.contentDigest.utf8)
        }
        response.contentByteCount = range.count
        let id = feedReaders.newID()
        let exchange = copy exchange
        let stream = exchange.stream { event in
            switch event {
            case .writable: exchange.performInApplication { $0.continueDownload(id) }
            case .stopping: break
            case .closed: exchange.performInApplication { $0.feedReaders.downloads[id] = nil }
            }
        }
        feedReaders.downloads[id] = SnapshotDownload(
            stream: stream, snapshot: snapshot, offset: range.lowerBound, end: range.upperBound)
        continueDownload(id)
        return stream
    }

    /// Sends the next pieces, until the client has to read.
    private func continueDownload(_ id: UInt64) {
        guard var download = feedReaders.downloads[id] else { return }
        var mayContinue = true
        while mayContinue, download.offset < download.end {
            let end = min(download.end, download.offset + Self.pieceByteCount)
            guard let piece = try? download.snapshot.bytes(download.offset..<end), piece.count == end - download.offset
            else {
                // The length is announced already, so the client must notice that the content is incomplete.
                feedReaders.downloads[id] = nil
                return download.stream.abort()
            }
            switch download.stream.send(piece) {
            case .queued: download.offset = end
            case .full:
                download.offset = end
                mayContinue = false
            case .refused, .closed: mayContinue = false
            }
        }
        guard download.offset < download.end else {
            feedReaders.downloads[id] = nil
            return download.stream.end()
        }
        feedReaders.downloads[id] = download
    }
}

extension Problem {
    init(_ failure: SnapshotFailure) {
        switch failure {
        case .unreadable(let reason):
            self.init(.journalUnavailable, "The snapshot cannot be made now.", reason: reason, retryAfter: 5)
        case .signingUnavailable(let reason):
            self.init(
                .signingUnavailable, "A snapshot is signed with a published key, and none can sign now.",
                reason: reason,
                retryAfter: 5)
        }
    }
}
