import Encoding
import HTTP
import Revocation
import Service

extension Route {
    package static let verifyBatch = Route(
        "/verify/batch", [.post], policies: [.quiet, .largeContent, .onFollowers, .statesAge], content: .json,
        codes: [.requestMalformed, .unsupportedMediaType, .stale] + ProblemCode.ofPositions,
        operations: [
            Operation(
                method: .post, id: "verifyBatch", tag: "sessions",
                summary: "Verify up to 256 access tokens with one request.",
                description: """
                    The results are in the order of the tokens. A valid token gets the answer of /verify, any other one the code that /verify rejects it with. An empty, malformed or oversized token is a result too. The conditions apply to every token and may be in the query or in the content, each once. The content may have 1 MiB. The Authorization header has no meaning here.
                    """,
                parameters: Operation.conditions,
                body: Operation.Body(
                    contents: [
                        .json(
                            .batchRequest,
                            (
                                "tokens",
                                .map([("tokens", .list([.plain("$ACCESS_TOKEN")])), ("audience", .text("api"))])
                            ))
                    ]),
                answers: [
                    Operation.Answer(
                        status: 200, description: "One result for each token.", headers: [.revocationAge],
                        content: .json(.batchVerified))
                ])
        ]
    ) { application, request, response, exchange, call throws(Problem) in
        try application.verifyBatch(request, &response, exchange, call)
    }
}

extension Schema {
    static let batchRequest = named(
        "BatchRequest",
        .object(
            [
                .required("tokens", array(of: .string).described("1 to 256 access tokens."))
            ]
                + conditions(
                    claims: oneOf(.object(), .boolean(constant: false)).described(
                        "An object is a condition. \(Operation.claimsMeaning) "
                            + "The value false leaves claims out of the results; the condition can then be in the query."
                    )), rest: .none))

    static let batchVerified = named(
        "BatchVerified",
        .object(
            .required(
                "seq",
                .position.described("Everything up to this record was known before the first token was looked up.")),
            .required("results", .array(of: .oneOf(.verified, .verifiedWithoutClaims, .rejected)))))

    private static let verifiedWithoutClaims = object(verifiedMembers, rest: .none)

    private static let rejected = named(
        "Rejected",
        .object(
            .required("active", .boolean(constant: false)),
            .required(
                "code", .string(values: (ProblemCode.ofTokens + ProblemCode.ofConditions).map(\.rawValue))),
            rest: .none))
}

extension Application {
    /// `POST /verify/batch`: verifies up to 256 access tokens.
    ///
    /// A batch that needs only one slice is answered at once. A longer one continues in later turns of the event loop.
    func verifyBatch(
        _ request: borrowing Request, _ response: inout Response, _ exchange: borrowing Exchange, _ call: Call
    ) throws(Problem) -> Disposition {
        guard !request.body.isEmpty else { throw Problem(.requestMalformed, "The member tokens is missing.") }
        var conditions = Conditions()
        if !request.query.isEmpty { try conditions.read(try Query(request)) }
        let parameters = try Parameters(request, .json, known: .batch, large: "tokens", &largeJSON)
        try conditions.read(parameters, mayLeaveOutClaims: true)
        let tokens = try BatchTokens(largeJSON, request.bytes(request.body))
        let revocations = context.authState.revocations
        if let wanted = conditions.positionMin, revocations.mayArrive(wanted) {
            return .waiting(wait(for: wanted, tokens, conditions, exchange, call))
        }
        let stream = try begin(tokens, conditions, exchange, &response)
        return stream.map(Disposition.streaming) ?? .answered
    }

    /// Begins the answer, and completes it if one slice is enough.
    ///
    /// - Returns: the rest of the content; nil if there is none.
    private func begin(
        _ tokens: BatchTokens, _ conditions: Conditions, _ exchange: borrowing Exchange, _ response: inout Response
    ) throws(Problem) -> ResponseStream? {
        try check(conditions.positionMin)
        try checkFreshness(conditions)
        BatchRun.begin(context.authState.revocations.position, &response.body)
        let run = BatchRun(tokens, conditions, copy exchange)
        // While others are in progress, it waits for its turn.
        if batches.isEmpty { workOneSlice(run, &response.body) }
        response.addLines("Content-Type: application/json\r\nCache-Control: no-store\r\n")
        return run.isDone ? nil : stream(run, response.body)
    }

    /// Begins the answer when the position is known here, or after 250 ms.
    private func wait(
        for wanted: WantedPosition, _ tokens: BatchTokens, _ conditions: Conditions, _ exchange: borrowing Exchange,
        _ call: Call
    ) -> ResponseWait {
        let exchange = copy exchange
        let wait = exchange.wait { _ in }
        context.authState.revocations.whenReached(wanted, keeping: tokens.byteCount) { _ in
            wait.answer { handler, response in
                guard let application = handler as? Application else { return nil }
                application.context.applyChanges()
                var stream: ResponseStream?
                do throws(Problem) {
                    stream = try application.begin(tokens, conditions, exchange, &response)
                } catch {
                    application.answer(error, call, &response)
                }
                application.finish(call, &response)
                return stream
            }
        }
        return wait
    }
}
