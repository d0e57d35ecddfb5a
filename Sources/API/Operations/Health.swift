import Encoding
import HTTP
import Platform
import Revocation
import Service
import Synchronization
import Telemetry

extension Route {
    package static let healthz = Route(
        "/healthz", [.get, .head], policies: [.quiet, .onFollowers],
        operations: [
            Operation(
                method: .get, id: "healthz", tag: "documents", summary: "Whether the service answers.",
                description: "200 without content.",
                answers: [Operation.Answer(status: 200, description: "It does.")])
        ]
    ) { application, _, response, _, _ throws(Problem) in
        application.healthz(&response)
        return .answered
    }

    package static let livez = Route(
        "/livez", [.get, .head], on: .operator, policies: [.quiet, .onFollowers],
        operations: [
            Operation(
                method: .get, id: "livez", tag: "operator", summary: "Whether the process is alive.",
                description: "A 200 shows that at least one event loop is running.",
                answers: [
                    Operation.Answer(
                        status: 200, description: "It is.",
                        content: .json(.object(.required("status", .string(constant: "live")))))
                ])
        ]
    ) { application, _, response, _, _ throws(Problem) in
        application.livez(&response)
        return .answered
    }

    package static let readyz = Route(
        "/readyz", [.get, .head], on: .operator, policies: [.quiet, .onFollowers],
        operations: [
            Operation(
                method: .get, id: "readyz", tag: "operator", summary: "Whether the service is ready for all requests.",
                description: """
                    Reasons: journal_unwritable (nothing is acknowledged) with its cause, one of journal_disk_full, \
                    journal_read_only, journal_no_descriptors, journal_replaced, journal_failing; journal_low_space (revocations are \
                    acknowledged, logins and refreshes are not); draining; on a server that follows another one, stale (what it knows is older than MARTLET_STALENESS_MAX, or it knows nothing yet) and feed_damaged (it does not advance, because the feed contains something that it must not skip). On a server with MARTLET_STORE: store_unavailable (the engine does not answer; nothing is recorded, tokens are verified), store_durability (its settings can lose acknowledged records; nothing is recorded), store_damaged (its log contains something that must not be skipped), node_name_taken, keys_differ, settings_differ (from another server), clock_off (nothing is issued), and stale; `details` says for each what is wrong and what to do, and for store_relaxed which settings are accepted. `degraded` lists the sources whose last reload failed \
                    (users_reload_failed, clients_reload_failed, keys_reload_failed, tls_reload_failed); the service stays ready.
                    """,
                answers: [
                    Operation.Answer(status: 200, description: "Ready.", content: .json(.readiness)),
                    Operation.Answer(
                        status: 503, description: "Not ready, with the reasons.", content: .json(.readiness)),
                ])
        ]
    ) { application, _, response, _, _ throws(Problem) in
        application.readyz(&response)
        return .answered
    }
}

extension Schema {
    fileprivate static let readiness = named(
        "Readiness",
        .object(
            .required("status", .string(values: ["ready", "not_ready"])), .required("reasons", .strings),
            .required("degraded", .strings),
            .optional(
                "details",
                .array(of: .object(.required("reason", .string), .required("text", .string))).described(
                    "Only on a server with MARTLET_STORE: what is wrong and what to do about it."))))
}

extension Application {
    /// `GET /healthz`: 200 without content.
    func healthz(_ response: inout Response) {
        response.addLines("Cache-Control: no-store\r\n")
    }

    /// `GET /livez`: the event loop that answers is alive.
    func livez(_ response: inout Response) {
        response.addLines("Content-Type: application/json\r\nCache-Control: no-store\r\n")
        response.body.append("{\"status\":\"live\"}")
    }

    /// `GET /readyz`: whether the service can keep every promise, and the reasons if it cannot.
    ///
    /// A failed reload is not a reason: the service continues with what it read before. Otherwise one mistake in a file
    /// that all replicas read would make all of them unready at once.
    func readyz(_ response: inout Response) {
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
        if let store = shared.authState.store { writeDetails(store, &writer) }
        writer.endObject()
        response.body.append(contentsOf: writer.bytes)
    }
}

extension Application {
    private func writeDetails(_ store: StoreStatus, _ writer: inout JSONWriter) {
        writer.name("details")
        writer.beginArray()
        let accepted = store.acceptedFlaws.map { ("store_relaxed", $0) }
        for (reason, text) in store.conditions.map({ ($0.condition.rawValue, $0.text) }) + accepted {
            writer.beginObject()
            writer.name("reason")
            writer.string(reason)
            writer.name("text")
            writer.string(text)
            writer.endObject()
        }
        writer.endArray()
    }
}

extension ApplicationShared {
    /// The sources whose last reload failed, while the service continues with their older state.
    var degradedReasons: [String] {
        reloads.failures.map { "\($0.source.rawValue)_reload_failed" }
    }

    /// Everything that makes the service not ready now; empty when it is ready.
    var unreadinessReasons: [String] {
        var reasons = authState.followed.map(Self.reasons) ?? ownReasons
        if connections.isDraining.load(ordering: .relaxed) { reasons.append("draining") }
        return reasons
    }

    private var ownReasons: [String] {
        var reasons: [String] = []
        if let store = authState.store {
            if store.knowledge.isStale { reasons.append("stale") }
            reasons += store.conditions.map(\.condition.rawValue)
        } else {
            if !authState.revocations.isWritable { reasons.append("journal_unwritable") }
            reasons += authState.revocations.conditions.filter(\.holds).map(\.name)
        }
        if !authState.missingSigners(at: authState.clock.now).isEmpty { reasons.append("signing_unavailable") }
        return reasons
    }

    /// A server that follows another one records nothing and signs nothing.
    private static func reasons(of followed: FollowedFeed) -> [String] {
        var reasons: [String] = []
        if followed.isStale { reasons.append("stale") }
        if followed.condition == .damaged { reasons.append(FollowedFeed.Condition.damaged.rawValue) }
        return reasons
    }
}
