import HTTP
import Platform
import Revocation
import Service
import Synchronization
import Telemetry

extension Route {
    package static let revocations = Route(
        "/revocations", [.get, .head], access: .bearer, policies: [.positionStatuses, .onFollowers],
        codes: [
            .requestMalformed, .notEnabled, .clientInvalid, .tooManyAttempts, .scopeInsufficient, .sequenceAhead,
            .sequenceUnknown, .sequenceGone, .stale,
        ] + ProblemCode.ofTokens,
        operations: [
            Operation(
                method: .get, id: "revocations", tag: "feed", summary: "Follow the revocations.",
                description: """
                    What was revoked after a position, in order: at once if there is anything, otherwise as soon as there \
                    is, or after `wait` seconds. Without `after`, only the head. `Accept` selects the form: JSON, \
                    server-sent events, or records of 64 bytes (docs/feed.md). A stream begins with the records after its \
                    position, has an event `heartbeat` each second, and ends with an event `reset` if it cannot continue. \
                    A reader needs the scope `revocations:read`, as HTTP Basic client or with a token of the grant \
                    client_credentials; MARTLET_FEED=public admits anyone, and with MARTLET_FEED=off the answer is 404. \
                    Memory holds the records of the last hour, at most 65536; a reader that is older gets 410 and reads \
                    the snapshot.
                    """,
                security: [.bearer, .client],
                parameters: [
                    Operation.Parameter(
                        name: "after", schema: .position,
                        description: "Up to where the reader has everything. `Last-Event-ID` takes precedence."),
                    Operation.Parameter(
                        name: "wait", schema: .integer(minimum: 0),
                        description: "How long to wait for a record, in seconds, up to 55; 0 by default."),
                    Operation.Parameter(
                        name: "Last-Event-ID", place: "header", schema: .position,
                        description: "What a browser sends when it continues a stream."),
                ],
                answers: [
                    Operation.Answer(
                        status: 200, description: "The records, at most 4096.",
                        headers: feedHeaders + [
                            Operation.Header(
                                name: "Revocation-More", schema: .integer,
                                description: "1 if records up to the head are left out (binary form only).")
                        ],
                        content: .json(.feed),
                        otherContents: [
                            Operation.Content(type: "text/event-stream", schema: .string),
                            Operation.Content(type: "application/vnd.martlet.records", schema: .string),
                        ])
                ])
        ]
    ) { application, request, response, exchange, call throws(Problem) in
        try application.revocations(request, &response, exchange, call)
    }

    /// The header fields of every answer of the feed.
    static let feedHeaders = [
        Operation.Header(name: "Revocation-Seq", schema: .position, description: "The head."),
        Operation.Header(
            name: "Revocation-Age", schema: .string,
            description: "How old what this server knows may be, in seconds with three decimals."),
        Operation.Header(
            name: "Revocation-Held", schema: .string,
            description:
                "How long the request waited until the moment that the answer is about, in seconds with three decimals. Not with every answer."
        ),
        Operation.Header(name: "Revocation-Issuer", schema: .string, description: "The issuer of the tokens."),
    ]
}

extension Schema {
    static let feed = named(
        "Feed",
        .object(
            .required("issuer", .string), .required("head", .position),
            .required("age_ms", .integer(minimum: 0).described("How old what this server knows may be.")),
            .required("records", .array(of: feedRecord)),
            .optional("more", .boolean.described("Records up to the head are left out: ask again after the last one.")),
            rest: .none))

    private static let feedRecord = named(
        "RevocationRecord",
        .object(
            .required("seq", .position), .required("kind", .string(values: ["token", "session", "cut"])),
            .optional(
                "id",
                .string.described(
                    "The jti of a token or the sid of a session; of a cut, 32 digits: the first half of SHA-256 of one byte for `of` and the name."
                )
            ),
            .optional("any_expiry", .boolean),
            .optional("of", .string(values: ["subject", "client", "key", "all"])),
            .optional("spares", .uuid.described("The session that survives the cut that follows directly.")),
            .optional("before", .uuid.described("What began before this UUIDv7 has ended.")),
            .optional("before_seq", .integer.described("What has a claim bsq below this number has ended.")),
            .required("expires", .integer.described("Until when the record must be kept; seconds since 1970.")),
            .required("reason", .string), rest: .none))
}

extension Application {
    /// `GET /revocations`: answers at once, lets the request wait, or begins a stream.
    func revocations(
        _ request: borrowing Request, _ response: inout Response, _ exchange: borrowing Exchange, _ call: Call
    ) throws(Problem) -> Disposition {
        let (publisher, permit) = try feedPermit(request, call)
        let question = try FeedQuestion(request)
        if question.form == .events {
            return .streaming(stream(question, publisher, permit, &response, exchange, call))
        }
        guard let after = question.after else {
            write(FeedAnswer(bytes: [], head: publisher.feed.head), question.form, publisher, &response)
            return .answered
        }
        let found = try answer(after: after, publisher)
        guard found.isEmpty, question.wait > 0, request.method != .head else {
            writeShared(found, after: after, question.form, publisher, &response)
            return .answered
        }
        let lane = feedReaders.lane(publisher, exchange)
        publisher.enter(lane, question.form)
        // A record that came since the first look would not be announced.
        let second: FeedAnswer
        do throws(Problem) {
            second = try answer(after: found.position, publisher)
        } catch {
            publisher.leave(lane, question.form)
            throw error
        }
        guard second.isEmpty else {
            publisher.leave(lane, question.form)
            write(second, question.form, publisher, &response)
            return .answered
        }
        return .waiting(wait(question, at: second.position, lane, exchange, call))
    }

    private func answer(
        after position: LedgerPosition, _ publisher: FeedPublisher
    ) throws(Problem) -> FeedAnswer {
        do throws(FeedGap) {
            return try publisher.feed.answer(after: position)
        } catch {
            publisher.figures.resets.add(.init(error))
            throw Problem(error)
        }
    }

    private func wait(
        _ question: FeedQuestion, at position: LedgerPosition, _ lane: FeedLane, _ exchange: borrowing Exchange,
        _ call: Call
    ) -> ResponseWait {
        let id = feedReaders.newID()
        let exchange = copy exchange
        let wait = exchange.wait { event in
            switch event {
            case .stopping: exchange.performInApplication { $0.endWait(id) }
            case .closed: exchange.performInApplication { $0.forgetWait(id) }
            }
        }
        let began = shared.monotonic()
        let end = began &+ question.wait &* 1_000_000_000
        feedReaders.waiting[id] = FeedReaders.Waiting(
            wait: wait, form: question.form, call: call, end: end, began: began, position: position)
        if end < lane.waitEnd.load(ordering: .acquiring) { lane.waitEnd.store(end, ordering: .releasing) }
        return wait
    }

    /// Writes an answer whose content other readers with the same position get too.
    private func writeShared(
        _ answer: FeedAnswer, after: LedgerPosition, _ form: FeedForm, _ publisher: FeedPublisher,
        _ response: inout Response
    ) {
        guard !answer.isEmpty else { return write(answer, form, publisher, &response) }
        if let last = feedReaders.last, last.after == after, last.form == form, last.answer == answer {
            return write(answer, last.content, form, publisher.encoder, &response)
        }
        let content = publisher.encoder.content(answer, form)
        feedReaders.last = (after, answer, form, content)
        write(answer, content, form, publisher.encoder, &response)
    }

    func write(_ answer: FeedAnswer, _ form: FeedForm, _ publisher: FeedPublisher, _ response: inout Response) {
        write(answer, publisher.encoder.content(answer, form), form, publisher.encoder, &response)
    }

    func write(
        _ answer: FeedAnswer, _ content: [UInt8], _ form: FeedForm, _ encoder: FeedEncoder, _ response: inout Response,
        held: FeedHold? = nil
    ) {
        addFeedFields(head: answer.head, form, encoder, &response, held: held)
        if form == .records, answer.hasMore { response.addLines("Revocation-More: 1\r\n") }
        response.body.append(contentsOf: content)
    }

    func addFeedFields(
        head: LedgerPosition, _ form: FeedForm, _ encoder: FeedEncoder, _ response: inout Response,
        held: FeedHold? = nil
    ) {
        response.addLines(form.contentType)
        response.addLines("Cache-Control: no-store\r\nVary: Accept\r\n")
        let age = held?.age ?? encoder.age()
        response.addPlainField("Revocation-Seq: ") { head.write(to: &$0) }
        response.addPlainField("Revocation-Age: ") { RevocationAge.write(age, to: &$0) }
        if let held { response.addPlainField("Revocation-Held: ") { RevocationAge.write(held.milliseconds, to: &$0) } }
        response.addField("Revocation-Issuer", encoder.issuer.utf8)
    }
}
