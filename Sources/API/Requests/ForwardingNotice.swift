import HTTP
import Telemetry

extension Application {
    /// Tells the operator when a peer that is not trusted sends a forwarding field: either a proxy is missing in
    /// MARTLET_TRUSTED_PROXIES, and all its clients count as one, or a client tries to pass for another.
    ///
    /// Looked for in each login and in the first request of a connection, so that verifications over a connection that
    /// stays open pay nothing.
    func noticeForwarding(_ request: borrowing Request, _ endpoint: Endpoint?, _ call: Call) {
        guard !request.isRelayed, request.isFirst || endpoint == .login else { return }
        guard let field = Self.forwardingField(of: request) else { return }
        guard let count = shared.forwardingNotices.admit(at: shared.monotonic() / 1_000_000) else { return }
        shared.log.write(.warning, "forwarding_field_ignored") { line in
            call.add(to: &line)
            line.add("field", "\(field)")
            line.add("count", count)
            line.add(
                "remedy",
                "if \(request.peer) is a proxy of yours, name it in MARTLET_TRUSTED_PROXIES; until then all its clients count as one address"
            )
        }
    }

    private static func forwardingField(of request: borrowing Request) -> StaticString? {
        for field in request.fields {
            if request.isEqual(field.name, "x-forwarded-for") { return "x-forwarded-for" }
            if request.isEqual(field.name, "forwarded") { return "forwarded" }
        }
        return nil
    }
}
