import Encoding
import HTTP
import Platform
import Revocation
import Service
import Synchronization
import Telemetry

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
    ///
    /// A failed reload is no reason: what was read before serves on, and a mistake in a file that all replicas read would
    /// otherwise take all of them out of rotation at once.
    func readyz(_ response: inout Response) throws(Problem) {
        let reasons = shared.unreadinessReasons
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
        writer.name("degraded")
        writer.beginArray()
        for reason in shared.degradedReasons { writer.string(reason) }
        writer.endArray()
        writer.endObject()
        response.body.append(contentsOf: writer.bytes)
    }
}

extension ApplicationShared {
    /// What the service does without, although it serves: the sources whose last reload failed.
    var degradedReasons: [String] {
        reloads.failures.map { "\($0.source.rawValue)_reload_failed" }
    }

    /// Everything that makes the service not ready now; empty when all is well.
    var unreadinessReasons: [String] {
        var reasons: [String] = []
        if !authState.revocations.isWritable { reasons.append("journal_unwritable") }
        reasons += authState.revocations.conditions.filter(\.holds).map(\.name)
        if !authState.missingSigners(at: authState.clock.now).isEmpty { reasons.append("signing_unavailable") }
        if connections.isDraining.load(ordering: .relaxed) { reasons.append("draining") }
        return reasons
    }
}
