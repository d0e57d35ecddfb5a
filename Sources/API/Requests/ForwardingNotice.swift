import HTTP
import Telemetry

extension Application {
    /// Warns the operator when a peer that is not trusted sends a forwarding field: either a proxy is missing in
    /// MARTLET_TRUSTED_PROXIES, and all its clients count as one, or a client pretends to have another address.
    ///
    /// Only endpoints that limit clients by address and the first request of a connection are checked, so verifications
    /// over an open connection pay nothing.
    func noticeForwarding(_ request: borrowing Request, _ call: Call) {
        guard !request.isRelayed, request.isFirst || call.endpoint?.policies.contains(.limitedByAddress) == true else {
            return
        }
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
