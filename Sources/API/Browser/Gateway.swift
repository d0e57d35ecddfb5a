import HTTP
import Telemetry

/// How a gateway tells `/auth` about the request of its client.
enum Gateway: String, CaseIterable, Sendable {
    /// X-Forwarded-Method, -Proto, -Host and -Uri, as Caddy and Traefik write them.
    case forwarded
    /// X-Original-Method and X-Original-URL, as an nginx, HAProxy or Apache configuration writes them.
    case original
    /// The request to `/auth` has the method of the client's request, as with Envoy.
    case request

    /// Takes the parameter `via` out of a query.
    ///
    /// - Returns: nil if there is none.
    /// - Throws: `request_malformed`, as for a condition that is not understood.
    init?(takenFrom query: inout Query) throws(Problem) {
        let values = query.take("via")
        guard let value = values.first else { return nil }
        guard values.count == 1, let gateway = Gateway(rawValue: value) else {
            throw Problem(.requestMalformed, "The parameter via must be forwarded, original or request, once.")
        }
        self = gateway
    }

    /// The method comes first. The fields of the other family are ignored: a client may have sent them.
    private var fields: [StaticString] {
        switch self {
        case .forwarded: ["x-forwarded-method", "x-forwarded-proto", "x-forwarded-host", "x-forwarded-uri"]
        case .original: ["x-original-method", "x-original-url"]
        case .request: []
        }
    }

    /// What a gateway reports.
    enum Report: Equatable {
        case method(Method)
        /// Without this field, the method is not known.
        case lacks(String)
    }

    /// The method of the client's request. A field must be there once; only trusted proxies are believed.
    static func report(_ gateway: Gateway?, _ request: borrowing Request) -> Report {
        guard let gateway else { return .lacks("via") }
        guard let name = gateway.fields.first else { return .method(request.method) }
        guard request.isRelayed else { return .lacks("MARTLET_TRUSTED_PROXIES") }
        for name in gateway.fields where request.field(name)?.isEmpty ?? true { return .lacks("\(name)") }
        guard let value = request.field(name) else { return .lacks("\(name)") }
        return .method(Method(request.bytes(value)))
    }
}

extension Application {
    /// The access token in the cookie of a request that has no Authorization field.
    ///
    /// The answer never sets or clears a cookie: gateways lose such fields, or pass them on only at times.
    func gatewayCookie(
        _ request: borrowing Request, _ gateway: Gateway?, _ call: Call
    ) throws(Problem) -> Range<Int>? {
        guard let browser = shared.browser, request.fieldCount("authorization") == 0 else { return nil }
        let cookies = BrowserCookies(request, browser)
        // The browser sends it below the path of /refresh only. Whatever passes this gateway would get it as well.
        guard case .absent = cookies.refresh else {
            throw Problem(.tokenMalformed, "The refresh cookie belongs to the path of /refresh, which is not behind the gateway.")
        }
        switch cookies.access {
        case .absent: return nil
        case .malformed: throw Problem(.tokenMalformed)
        case .repeated: throw Problem(.tokenMalformed, "The access cookie was sent more than once.")
        case .one(let range):
            try CrossSite.check(request, .gateway(isSafe: isSafe(request, gateway, call)), browser)
            return range
        }
    }

    private func isSafe(_ request: borrowing Request, _ gateway: Gateway?, _ call: Call) -> Bool {
        switch Gateway.report(gateway, request) {
        case .method(let method): return method == .get || method == .head
        case .lacks(let field):
            if let count = shared.gatewayNotices.admit(at: shared.monotonic() / 1_000_000) {
                shared.log.write(.warning, "gateway_field_missing") { line in
                    call.add(to: &line)
                    line.add("field", field)
                    line.add("count", count)
                    line.add(
                        "remedy",
                        "the method of the client's request is not known, so requests by cookie are treated as unsafe; see via in the documentation of the gateway"
                    )
                }
            }
            return false
        }
    }
}

extension Operation {
    static let via = Parameter(
        name: "via", schema: .string(values: Gateway.allCases.map(\.rawValue)),
        description: "Only in browser mode: where the gateway reports the method of its client's request.")
}
