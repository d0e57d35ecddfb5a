import Accounts
import Encoding
import HTTP
import JOSE
import Keys
import Platform
import Revocation
import Service
import Telemetry
import Tokens

extension Route {
    package static let adminRevocations = Route(
        "/admin/revocations", [.post], on: .operator, access: .operatorSocket, content: .json,
        codes: [.requestMalformed, .unsupportedMediaType, .journalUnavailable, .storeUnavailable, .notFound],
        operations: [
            Operation(
                method: .post, id: "adminRevocations", tag: "operator",
                summary: "Revoke a token, a session, or all tokens of a subject, client or key.",
                description:
                    "Only over a Unix socket of MARTLET_OPERATOR_LISTEN, whose file mode decides who may connect; over TCP the answer is 404.",
                body: Operation.Body(contents: [
                    .json(
                        .revocationOrder,
                        ("subject", .map([("sub", .text("019a0000-0000-7000-8000-000000000000"))])))
                ]),
                answers: [
                    Operation.Answer(
                        status: 200, description: "The revocation is on stable storage.",
                        headers: [Operation.Header(name: "Revocation-Seq")],
                        content: .json(.object(.required("seq", .position))))
                ])
        ]
    ) { application, request, _, exchange, call throws(Problem) in
        try application.adminRevocations(request, exchange, call)
    }
}

extension Schema {
    fileprivate static let revocationOrder = named(
        "RevocationOrder",
        object(
            .optional("jti", .uuid), .optional("expires_at", .integer.described("Seconds since 1970.")),
            .optional("sid", .uuid), .optional("sub", .string), .optional("client_id", .string),
            .optional("kid", .string), .optional("all", .boolean)
        ).described("Exactly one member names what to revoke; expires_at is allowed only with jti."))
}

extension Application {
    /// `POST /admin/revocations`: an operator revokes a token, a session, or everything of a user, a client, a key or of all.
    func adminRevocations(
        _ request: borrowing Request, _ exchange: borrowing Exchange, _ call: Call
    ) throws(Problem) -> Disposition {
        try Query.refuseAny(request)
        let parameters = try Parameters(request, .json, known: .revocations, &json)
        let order = try OrderReader(parameters, context, shared.appliedKeys).order()
        let exchange = copy exchange
        RevokeByOperator(context.authState).revoke(order) { result in
            exchange.resumeApplication { application, response in
                if case .success(let position) = result {
                    response.addLines("Content-Type: application/json\r\n")
                    var writer = JSONWriter()
                    writer.beginObject()
                    writer.name("seq")
                    writer.string(position.text)
                    writer.name(order.member)
                    writer.string(order.name)
                    writer.endObject()
                    response.body.append(contentsOf: writer.bytes)
                }
                application.finishRevocation(result, status: 200, call, &response) { line in
                    line.add("order", "\(order.member) \(order.name)")
                }
            }
        }
        return .deferred
    }
}

/// The members of an operator's request, and whether what it names exists.
///
/// A request that revokes nothing must not be acknowledged, so an unknown name is an error unless the
/// operator confirms it.
private struct OrderReader {
    private static let usage = "Name exactly one of jti, sid, sub, username, client_id, kid, or all: true."
    private static let meant = "To revoke it before it exists, also send unknown with the value allow."

    private let parameters: Parameters
    private let users: PublishedIndex
    private let clients: ClientDirectory
    private let keys: () -> [AppliedKey]

    init(_ parameters: Parameters, _ context: LoopContext, _ keys: @escaping () -> [AppliedKey]) {
        self.parameters = parameters
        users = context.accounts
        clients = context.clients
        self.keys = keys
    }

    func order() throws(Problem) -> RevocationRequest {
        try refuseNull()
        var orders: [RevocationRequest] = []
        if let order = try token() { orders.append(order) }
        if let text = try parameters.text("sid") {
            guard let sid = UUID(text) else { throw Problem(.requestMalformed, "sid must be a UUID.") }
            orders.append(.session(sid))
        }
        let isMeant = try isMeantAhead()
        if let order = try subject(isMeant) { orders.append(order) }
        if let client = try parameters.name("client_id") {
            guard isMeant || isKnown(client: client) else {
                throw Problem(.requestMalformed, "No client has this client_id. \(Self.meant)")
            }
            orders.append(.client(client))
        }
        if let kid = try parameters.name("kid") {
            guard isMeant || keys().contains(where: { $0.key.kid == kid }) else {
                throw Problem(.requestMalformed, "No key has this kid. \(Self.meant)")
            }
            orders.append(.key(kid))
        }
        if try parameters.isTrueIfPresent("all") { orders.append(.all) }
        guard orders.count == 1 else { throw Problem(.requestMalformed, Self.usage) }
        switch orders[0] {
        case .token, .session, .all:
            guard !isMeant else {
                throw Problem(.requestMalformed, "unknown may only be sent with sub, username, client_id or kid.")
            }
        case .subject, .client, .key: break
        }
        return orders[0]
    }

    /// A script whose variable is not set sends null: without that member the request would revoke more.
    private func refuseNull() throws(Problem) {
        for name in MemberNames.revocationOrder {
            if case .nothing = parameters.given(name) {
                throw Problem(.requestMalformed, "The member \(name) is null. \(Self.usage)")
            }
        }
    }

    private func token() throws(Problem) -> RevocationRequest? {
        let expiresAt = try parameters.natural("expires_at").map(UnixSeconds.init(_:))
        guard let text = try parameters.text("jti") else {
            guard expiresAt == nil else { throw Problem(.requestMalformed, "expires_at may only be sent with jti.") }
            return nil
        }
        guard let jti = UUID(text) else { throw Problem(.requestMalformed, "jti must be a UUID.") }
        guard expiresAt.map(NumericDate.range.contains) ?? true else {
            throw Problem(.requestMalformed, "expires_at must be the token's own exp, in seconds since 1970.")
        }
        return .token(jti, expiresAt: expiresAt ?? 0)
    }

    private func subject(_ isMeant: Bool) throws(Problem) -> RevocationRequest? {
        if let name = try parameters.name("username") {
            guard try parameters.bytes("sub") == nil else { throw Problem(.requestMalformed, Self.usage) }
            guard let user = users.id(named: name) else {
                throw Problem(
                    .requestMalformed, "No user has this name. To name a removed user, send its id as sub.")
            }
            return .subject(user.description)
        }
        guard let subject = try parameters.name("sub") else { return nil }
        let prefix = ClientGrant.subjectPrefix
        let client = subject.hasPrefix(prefix) ? clients.client(id: String(subject.dropFirst(prefix.count))) : nil
        let isExternal = ExternalUsers.client(of: subject, in: clients) != nil
        let isKnown = client != nil || isExternal || UUID(subject).flatMap { users.standing(of: $0) } != nil
        guard isMeant || isKnown else {
            throw Problem(
                .requestMalformed,
                "No user has this id. To name a user by username, send username. \(Self.meant)")
        }
        return .subject(subject)
    }

    private func isMeantAhead() throws(Problem) -> Bool {
        guard let text = try parameters.text("unknown") else { return false }
        guard text == "allow" else { throw Problem(.requestMalformed, "The only value of unknown is allow.") }
        return true
    }

    private func isKnown(client: String) -> Bool {
        client == AuthState.firstPartyClient || client == AuthState.mintClient || clients.client(id: client) != nil
    }
}

extension Parameters {
    /// - Returns: false if the member is absent.
    fileprivate func isTrueIfPresent(_ name: StaticString) throws(Problem) -> Bool {
        guard isPresent(name) else { return false }
        guard isTrue(name) else { throw Problem(.requestMalformed, "The member \(name) must be true.") }
        return true
    }
}
