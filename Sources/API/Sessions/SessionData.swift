import Encoding
import HTTP
import Platform
import Service

extension Route {
    package static let sessionData = Route(
        "/session/data", [.get, .head, .put, .patch, .delete], access: .bearer, policies: [.quiet, .crossOrigin],
        content: .mergePatch,
        codes: [
            .requestMalformed, .notEnabled, .preconditionFailed, .unsupportedMediaType, .preconditionRequired,
            .dataBusy,
            .storeUnavailable,
        ] + ProblemCode.ofCookies + ProblemCode.ofTokens,
        operations: [readSessionData, replaceSessionData, mergeSessionData, removeSessionData]
    ) { application, request, _, exchange, call throws(Problem) in
        try application.sessionData(request, exchange, call)
        return .deferred
    }

    private static let readSessionData = Operation(
        method: .get, id: "readSessionData", tag: "sessions", summary: "Read the data of this session.",
        description: """
            A small JSON object that belongs to the session of the access token and ends with it, such as a cart. Only with \
            MARTLET_SESSION_DATA=on, which needs Redis or PostgreSQL; otherwise the answer is 404. The answer is what any \
            node wrote last. With MARTLET_BROWSER=on, a request without Authorization may have the access cookie. An access \
            token that is signed with a shared secret is accepted only if this server issued it.
            """,
        security: [.bearer, .cookie], parameters: conditions,
        codes: codes(of: [.requestMalformed, .notEnabled, .preconditionFailed, .storeUnavailable]),
        answers: [
            Operation.Answer(
                status: 200, description: "The object; an empty one if nothing was stored.", headers: [tagHeader],
                content: .json(.sessionData)),
            Operation.Answer(
                status: 304, description: "The object has an entity tag of If-None-Match.", headers: [tagHeader]),
        ])

    private static let replaceSessionData = Operation(
        method: .put, id: "replaceSessionData", tag: "sessions", summary: "Replace the data of this session.",
        description: """
            The object is stored as it was sent. The request must have If-Match, or If-None-Match: * for a session without \
            data, so that it overwrites nothing that the client has not seen.
            """,
        security: [.bearer, .cookie], parameters: conditions,
        body: Operation.Body(contents: [.json(.sessionData, ("cart", .map([("theme", .text("dark"))])))]),
        answers: [
            Operation.Answer(status: 204, description: "The object is stored durably.", headers: [tagHeader])
        ])

    private static let mergeSessionData = Operation(
        method: .patch, id: "mergeSessionData", tag: "sessions", summary: "Change members of the data of this session.",
        description: """
            A JSON Merge Patch (RFC 7396): members of the content replace those of the object, and null removes a member. Two \
            requests at the same time that change two members both take effect.
            """,
        security: [.bearer, .cookie], parameters: conditions,
        body: Operation.Body(contents: [
            Operation.Content(
                type: "application/merge-patch+json", schema: .sessionData,
                examples: [("cart", .map([("theme", .text("dark"))]))]),
            .json(.sessionData),
        ]),
        codes: codes(of: [
            .requestMalformed, .notEnabled, .preconditionFailed, .unsupportedMediaType, .dataBusy, .storeUnavailable,
        ]),
        answers: [
            Operation.Answer(
                status: 200, description: "The object after the change, which is stored durably.", headers: [tagHeader],
                content: .json(.sessionData))
        ])

    private static let removeSessionData = Operation(
        method: .delete, id: "removeSessionData", tag: "sessions", summary: "Remove the data of this session.",
        description: "The session goes on without data.",
        security: [.bearer, .cookie], parameters: conditions,
        codes: codes(of: [.requestMalformed, .notEnabled, .preconditionFailed, .dataBusy, .storeUnavailable]),
        answers: [Operation.Answer(status: 204, description: "The object is removed durably.", headers: [tagHeader])])

    private static func codes(of codes: [ProblemCode]) -> [ProblemCode] {
        codes + ProblemCode.ofCookies + ProblemCode.ofTokens
    }

    private static let tagHeader = Operation.Header(name: "ETag", schema: .string)

    private static let conditions = [
        Operation.Parameter(name: "If-Match", place: "header", schema: .string),
        Operation.Parameter(name: "If-None-Match", place: "header", schema: .string),
    ]
}

extension Schema {
    static let sessionData = named(
        "SessionData",
        .object(rest: .any).described(
            "Any object of at most \(SessionDataContent.byteCountMax) bytes and \(SessionDataContent.depthMax) levels. Numbers are kept as they are written."
        ))
}

extension Application {
    /// `GET`, `PUT`, `PATCH` and `DELETE /session/data`.
    func sessionData(
        _ request: borrowing Request, _ exchange: borrowing Exchange, _ call: Call
    ) throws(Problem) {
        try Query.refuseAny(request)
        let use = UseSessionData(context)
        let exchange = copy exchange
        let method = request.method
        do throws(SessionDataFailure) { try use.checkEnabled() } catch { throw Problem(error) }
        let session = try dataSession(use, request, call)
        let condition = try SessionDataCondition(request)
        let change = try change(request)
        let onLoop: UseSessionData.OnLoop = { body in exchange.performInApplication { _ in body() } }
        let then: UseSessionData.Completion = { result in
            exchange.resumeApplication { $0.finishSessionData(result, method, call, &$1) }
        }
        do throws(SessionDataFailure) {
            if let change {
                try use.change(session, change, condition, onLoop: onLoop, then: then)
            } else {
                try use.read(session, condition, onLoop: onLoop, then: then)
            }
        } catch {
            throw Problem(error)
        }
    }

    private func dataSession(
        _ use: UseSessionData, _ request: borrowing Request, _ call: Call
    ) throws(Problem) -> LogoutSession {
        let range: Range<Int>
        switch RequestTokens.bearer(request) {
        case .at(let found): range = found
        case .malformed: throw Problem(.tokenMalformed)
        case .absent:
            range = try accessCookie(request, isReading: request.method == .get || request.method == .head)
        }
        do throws(SessionDataFailure) {
            return try use.session(of: request.bytes(range), at: call.now)
        } catch {
            throw Problem(error)
        }
    }

    /// - Returns: nil for a request that only reads.
    private func change(_ request: borrowing Request) throws(Problem) -> SessionDataChange? {
        switch request.method {
        case .put: .replace(try sessionDataContent(request, .json))
        case .patch: .merge(try sessionDataContent(request, .mergePatch))
        case .delete: .remove
        default: nil
        }
    }

    private func sessionDataContent(
        _ request: borrowing Request, _ accepted: Parameters.Form
    ) throws(Problem) -> SessionDataContent {
        guard try Parameters.contentType(request, accepted) != nil else {
            throw Problem(.unsupportedMediaType, accepted.expected)
        }
        do throws(SessionDataFlaw) {
            return try SessionDataContent(Array(request.bytes[request.body]))
        } catch {
            throw Problem(SessionDataFailure.flaw(error))
        }
    }

    private func finishSessionData(
        _ result: Result<SessionDataView, SessionDataFailure>, _ method: Method, _ call: Call,
        _ response: inout Response
    ) {
        do throws(SessionDataFailure) {
            let view = try result.get()
            response.addLines("Cache-Control: no-store\r\n")
            response.addField("ETag", view.tag.utf8)
            if view.isUnmodified {
                response.status = 304
            } else if method == .put || method == .delete {
                response.status = 204
            } else {
                response.addLines("Content-Type: application/json\r\n")
                response.body.append(contentsOf: view.content)
            }
        } catch {
            answer(Problem(error), call, &response)
        }
        finish(call, &response)
    }
}
