import HTTP
import Octets
import Revocation
import Service
import Synchronization

extension Application {
    /// `GET /healthz`: 200 and nothing more; anyone may ask.
    func healthz(_ response: inout Response) {
        response.addLines("Cache-Control: no-store\r\n")
    }

    /// `GET /livez`: the loop that answers is alive.
    func livez(_ response: inout Response) {
        response.addLines("Content-Type: application/json\r\nCache-Control: no-store\r\n")
        response.body.append("{\"status\":\"live\"}")
    }

    /// `GET /readyz`: whether every promise can be kept, and what stands in the way if not.
    func readyz(_ response: inout Response) throws(Problem) {
        var reasons = shared.unreadiness()
        if !shared.realm.revocations.isWritable { reasons.append("journal_unwritable") }
        reasons += shared.realm.revocations.conditions.filter(\.holds).map(\.name)
        if !shared.realm.missingSigners(at: shared.realm.clock.now).isEmpty { reasons.append("signing_unavailable") }
        if shared.connections.isDraining.load(ordering: .relaxed) { reasons.append("draining") }
        response.status = reasons.isEmpty ? 200 : 503
        response.addLines("Content-Type: application/json\r\nCache-Control: no-store\r\n")
        if !reasons.isEmpty { response.addLines("Retry-After: 1\r\n") }
        var writer = JSONWriter()
        writer.beginObject()
        writer.name("status")
        writer.string(reasons.isEmpty ? "ready" : "not_ready")
        writer.name("reasons")
        writer.beginArray()
        for reason in reasons { writer.string(reason) }
        writer.endArray()
        writer.endObject()
        response.body.append(contentsOf: writer.bytes)
    }
}
