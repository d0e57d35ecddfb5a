package import HTTP

/// Every path this service answers, with its methods and the errors it documents. The router, the metrics and the OpenAPI
/// document all read this list.
package enum Endpoint: Int, CaseIterable, Sendable {
    case verify, auth, login, refresh, token, logout, revoke, introspect
    case jwks, metadata, openAPI, healthz
    case livez, readyz, metrics, adminRevocations, adminStatus

    package var path: StaticString {
        switch self {
        case .verify: "/verify"
        case .auth: "/auth"
        case .login: "/login"
        case .refresh: "/refresh"
        case .token: "/token"
        case .logout: "/logout"
        case .revoke: "/revoke"
        case .introspect: "/introspect"
        case .jwks: "/.well-known/jwks.json"
        case .metadata: "/.well-known/oauth-authorization-server"
        case .openAPI: "/openapi.yaml"
        case .healthz: "/healthz"
        case .livez: "/livez"
        case .readyz: "/readyz"
        case .metrics: "/metrics"
        case .adminRevocations: "/admin/revocations"
        case .adminStatus: "/admin/status"
        }
    }

    /// What `Allow` names beside OPTIONS; `nil` takes every method that is not TRACE or CONNECT.
    package var methods: [Method]? {
        switch self {
        case .auth: nil
        case .verify: [.get, .head, .post]
        case .login, .refresh, .token, .logout, .revoke, .introspect, .adminRevocations: [.post]
        case .jwks, .metadata, .openAPI, .healthz, .livez, .readyz, .metrics, .adminStatus: [.get, .head]
        }
    }

    /// The content type of a POST request; nil where content means nothing.
    var accepted: Parameters.Form? {
        switch self {
        case .login, .refresh, .logout: .either
        case .token, .revoke, .introspect: .form
        case .verify, .adminRevocations: .json
        case .auth, .jwks, .metadata, .openAPI, .healthz, .livez, .readyz, .metrics, .adminStatus: nil
        }
    }

    package var role: Request.Role {
        switch self {
        case .livez, .readyz, .metrics, .adminRevocations, .adminStatus: .operator
        default: .service
        }
    }

    /// Whether errors also carry `error` and `error_description` (RFC 6749 §5.2).
    package var isOAuth: Bool {
        switch self {
        case .login, .refresh, .token, .logout, .revoke, .introspect: true
        default: false
        }
    }

    /// The errors this endpoint itself can answer with; those of every path stand in ``ProblemCode/everywhere``.
    package var codes: [ProblemCode] {
        switch self {
        case .verify:
            [.requestMalformed, .scopeInsufficient, .roleInsufficient, .authTooOld, .unsupportedMediaType]
                + ProblemCode.ofTokens
        case .auth: [.scopeInsufficient, .roleInsufficient, .conditionInvalid, .authTooOld] + ProblemCode.ofTokens
        case .login:
            [
                .requestMalformed, .scopeInvalid, .audienceInvalid, .invalidCredentials, .clientInvalid,
                .unsupportedMediaType,
                .tooManyAttempts, .hashingSaturated, .journalUnavailable, .signingUnavailable,
            ]
        case .refresh:
            [
                .requestMalformed, .grantUnsupported, .scopeInvalid, .audienceInvalid, .refreshMismatch,
                .unsupportedMediaType,
            ]
                + [.clientInvalid, .clientNotAllowed, .journalUnavailable, .signingUnavailable]
                + ProblemCode.ofRefresh
        case .token:
            [
                .requestMalformed, .grantUnsupported, .scopeInvalid, .audienceInvalid, .refreshMismatch,
                .unsupportedMediaType,
            ]
                + [.clientInvalid, .journalUnavailable, .signingUnavailable] + ProblemCode.ofRefresh
        case .logout:
            [
                .requestMalformed, .unsupportedMediaType, .journalUnavailable, .refreshInvalid, .refreshExpired,
                .refreshIdle,
            ]
                + ProblemCode.ofTokens
        case .revoke:
            [.requestMalformed, .unsupportedMediaType, .clientInvalid, .clientNotAllowed, .journalUnavailable]
        case .introspect: [.requestMalformed, .unsupportedMediaType, .clientInvalid]
        case .jwks, .metadata, .openAPI, .healthz, .livez, .readyz, .metrics: []
        case .adminStatus: [.notFound]
        case .adminRevocations: [.requestMalformed, .unsupportedMediaType, .journalUnavailable, .notFound]
        }
    }

    /// The endpoint at a path, as one kind of listener serves it.
    /// - Parameter path: where the path lies in the request, or what is left of it behind the issuer's own.
    static func at(_ request: borrowing Request, _ path: Range<Int>) -> Endpoint? {
        for endpoint in allCases where request.isEqual(path, endpoint.path) {
            return endpoint.role == request.role ? endpoint : nil
        }
        return nil
    }

    /// `nil` stands for «every method».
    func takes(_ method: Method) -> Bool {
        guard let methods else { return method != .trace && method != .connect }
        return methods.contains(method)
    }
}

extension ProblemCode {
    /// What any path may answer: faults of the message, of the method, and ours.
    package static let everywhere: [ProblemCode] = [
        .messageMalformed, .tokenInURL, .methodNotAllowed, .requestTimeout, .bodyTooLarge, .targetTooLong,
        .expectationFailed,
        .headTooLarge, .internalFault, .methodUnknown, .codingUnsupported, .tooManyConnections, .versionUnsupported,
    ]

    static let ofTokens: [ProblemCode] = [
        .tokenMissing, .tokenMalformed, .tokenTooLarge, .algNotAllowed, .kidUnknown, .signatureInvalid, .typMismatch,
        .issuerMismatch, .audienceMismatch, .claimMissing, .claimInvalid, .tokenExpired, .tokenNotActive, .tokenRevoked,
        .sessionRevoked, .subjectRevoked, .clientRevoked, .keyRevoked,
    ]

    static let ofRefresh: [ProblemCode] = [
        .refreshInvalid, .refreshExpired, .refreshIdle, .refreshReused, .sessionRevoked, .subjectRevoked,
        .clientRevoked,
        .keyRevoked,
    ]
}
