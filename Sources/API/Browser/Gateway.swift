import HTTP
import Telemetry

/// How a gateway tells `/auth` about the request of its client.
enum Gateway: String, CaseIterable, Sendable {
    /// X-Forwarded-Method, -Proto, -Host and -Uri, as Caddy and Traefik write them.
    case forwarded
    /// X-Original-Method and X-Original-URL, as an nginx, HAProxy or Apache configuration writes them.
    case original
    /// The request to `/auth` has the method and the authority of the client's request, as with Envoy.
    case request

    /// The method comes first. The fields of the other family are ignored: a client may have sent them.
    private var fields: [StaticString] {
        switch self {
        case .forwarded: Self.forwardedFields
        case .original: Self.originalFields
        case .request: []
        }
    }

    private static let forwardedFields: [StaticString] = [
        "x-forwarded-method", "x-forwarded-proto", "x-forwarded-host", "x-forwarded-uri",
    ]
    private static let originalFields: [StaticString] = ["x-original-method", "x-original-url"]

    /// What a gateway reports.
    enum Report: Equatable {
        case method(Method)
        /// Without this field, the method is not known.
        case lacks(String)
    }

    /// The method of the client's request. A field must be there once; only trusted proxies are believed.
    static func report(_ gateway: Gateway?, _ request: borrowing Request) -> Report {
        guard let gateway else { return .lacks("via") }
        let names = gateway.fields
        if names.isEmpty { return .method(request.method) }
        guard request.isRelayed else { return .lacks("MARTLET_TRUSTED_PROXIES") }
        var first: Range<Int>?
        for name in names {
            guard let value = request.field(name), !value.isEmpty else { return .lacks("\(name)") }
            if first == nil { first = value }
        }
        return .method(first.map { Method(request.bytes($0)) } ?? .other)
    }

    /// Where the client's request went.
    struct Target {
        /// What it says before the path. It is not checked yet.
        let origin: String
        /// Path and query; nil if the gateway does not report them.
        let path: String?
    }

    /// The target of the client's request, once for each scheme that it may have had.
    func targets(_ request: borrowing Request) -> [Target] {
        func text(_ name: StaticString) -> String? { request.field(name).map { request.text($0) } }
        guard request.isRelayed else { return [] }
        switch self {
        case .forwarded:
            guard let scheme = text("x-forwarded-proto"), let host = text("x-forwarded-host") else { return [] }
            return [Target(origin: "\(scheme)://\(host)", path: text("x-forwarded-uri"))]
        case .original:
            guard let url = text("x-original-url"), let scheme = url.firstRange(of: "://") else { return [] }
            let end = url[scheme.upperBound...].firstIndex { $0 == "/" || $0 == "?" } ?? url.endIndex
            return [Target(origin: String(url[..<end]), path: String(url[end...]))]
        case .request:
            guard let host = text("host") else { return [] }
            let schemes = text("x-forwarded-proto").map { [$0] } ?? ["https", "http"]
            // A client that invents this field is only sent to another page itself.
            return schemes.map { Target(origin: "\($0)://\(host)", path: text("x-forwarded-uri")) }
        }
    }
}

extension Application {
    /// The method of the client's request; nil if it is not known, which the log says once a minute.
    func clientMethod(_ request: borrowing Request, _ gateway: Gateway?, _ call: Call) -> Method? {
        switch Gateway.report(gateway, request) {
        case .method(let method): return method
        case .lacks(let field):
            if let count = shared.gatewayNotices.admit(at: shared.monotonic() / 1_000_000) {
                shared.log.write(.warning, "gateway_field_missing") { line in
                    call.add(to: &line)
                    line.add("field", field)
                    line.add("count", count)
                    line.add(
                        "remedy",
                        "the method of the client's request is not known, so requests by cookie are treated as unsafe and no browser is sent to the sign-in; see via in the documentation of the gateway"
                    )
                }
            }
            return nil
        }
    }
}
