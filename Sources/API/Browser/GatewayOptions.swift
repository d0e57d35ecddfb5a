import HTTP

/// What a gateway asks of `/auth`, in addition to conditions on the token. Only in browser mode.
struct GatewayOptions {
    enum SignIn: String, CaseIterable {
        /// A navigation without a session gets 302.
        case redirect
        /// It gets 401 with `X-Auth-Redirect`, for gateways that pass on no other answer.
        case field
    }

    /// Where the gateway reports the request of its client.
    private(set) var gateway: Gateway?
    private(set) var signIn: SignIn?
    /// Whether a preflight is allowed without a session, so that the application answers it.
    private(set) var passesPreflight = false
    /// Whether the answer has the access token, for an application that verifies it.
    private(set) var returnsBearer = false
    /// Whether the handshake of a WebSocket may have its token in the list of subprotocols.
    private(set) var readsSubprotocol = false

    private static let names: Set = ["via", "signin", "preflight", "bearer", "subprotocol"]

    /// Without any of them.
    init() {}

    /// Takes these parameters out of a query.
    ///
    /// - Throws: `request_malformed`, as for a condition that is not understood.
    init(takenFrom query: inout Query) throws(Problem) {
        var given: Set<String> = []
        for (name, value) in query.take(among: Self.names) {
            let isFirst = given.insert(name).inserted
            let isKnown: Bool
            switch name {
            case "via":
                gateway = Gateway(rawValue: value)
                isKnown = gateway != nil
            case "signin":
                signIn = SignIn(rawValue: value)
                isKnown = signIn != nil
            case "preflight":
                passesPreflight = value == "pass"
                isKnown = passesPreflight
            case "bearer":
                returnsBearer = value == "yes"
                isKnown = returnsBearer
            default:
                readsSubprotocol = value == "yes"
                isKnown = readsSubprotocol
            }
            guard isFirst, isKnown else {
                throw Problem(.requestMalformed, "The parameter \(name) must be \(Self.accepted(name)), once.")
            }
        }
    }

    private static func accepted(_ name: String) -> String {
        switch name {
        case "via": "forwarded, original or request"
        case "signin": "redirect or field"
        case "preflight": "pass"
        default: "yes"
        }
    }
}

extension Operation {
    static let gatewayOptions = [
        Parameter(
            name: "via", schema: .string(values: Gateway.allCases.map(\.rawValue)),
            description: "Only in browser mode: where the gateway reports the request of its client."),
        Parameter(
            name: "signin", schema: .string(values: GatewayOptions.SignIn.allCases.map(\.rawValue)),
            description:
                "Only in browser mode: a navigation without a session is sent to GET /refresh, with 302 or with X-Auth-Redirect."
        ),
        Parameter(
            name: "preflight", schema: .string(constant: "pass"),
            description: "Only in browser mode: a preflight gets 200 with an empty identity."),
        Parameter(
            name: "bearer", schema: .string(constant: "yes"),
            description: "Only in browser mode: the answer has the token in an Authorization field."),
        Parameter(
            name: "subprotocol", schema: .string(constant: "yes"),
            description:
                "Only in browser mode: the handshake of a WebSocket may offer the subprotocol martlet.bearer. and the token."
        ),
    ]
}
