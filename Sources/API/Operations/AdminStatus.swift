import Accounts
import Encoding
import HTTP
import JOSE
import Keys
import Platform
import Revocation
import Service
import Synchronization
import Telemetry
import Tokens

extension Route {
    package static let adminStatus = Route(
        "/admin/status", [.get, .head], on: .operator, access: .operatorSocket, policies: .onFollowers,
        codes: [.notFound],
        operations: [
            Operation(
                method: .get, id: "adminStatus", tag: "operator", summary: "The state of the running service.",
                description: """
                    Only over a Unix socket of MARTLET_OPERATOR_LISTEN, like /admin/revocations. Shows the keys in use, \
                    the last attempt to read each source, and the files in use. `martlet status` prints it.
                    """,
                answers: [
                    Operation.Answer(status: 200, description: "The status.", content: .json(.status))
                ])
        ]
    ) { application, _, response, _, _ throws(Problem) in
        application.adminStatus(&response)
        return .answered
    }
}

extension Application {
    /// `GET /admin/status`: what the running service applies now, for operators and for commands that must know whether a
    /// change has taken effect. It names files and keys, so only processes that may open the operator's socket can read it.
    func adminStatus(_ response: inout Response) {
        response.addLines("Content-Type: application/json\r\nCache-Control: no-store\r\n")
        var page = StatusPage()
        page.write(shared)
        response.body.append(contentsOf: page.writer.bytes)
    }
}

/// The JSON object of `/admin/status`. Times are RFC 3339 in UTC with milliseconds, so they compare as text.
struct StatusPage {
    private(set) var writer = JSONWriter()

    mutating func write(_ shared: ApplicationShared) {
        let reasons = shared.unreadinessReasons
        writer.beginObject()
        member("version", shared.process.version)
        writer.name("pid")
        writer.integer(Int64(shared.process.pid))
        member("started", at: shared.process.startedAt)
        member("now", at: shared.authState.clock.now)
        member("status", reasons.isEmpty ? "ready" : "not_ready")
        list("reasons", reasons)
        list("degraded", shared.degradedReasons)
        member("issuer", shared.authState.settings.issuer)
        list("audiences", shared.authState.settings.audiences)
        writeJournal(shared.authState)
        writeFollowed(shared.authState.followed)
        writeStore(shared.authState.store)
        writeKeys(shared)
        writer.name("users")
        writer.integer(Int64(shared.authState.accounts.index.current.count))
        writer.name("clients")
        writer.integer(Int64(shared.authState.clients.current.clients.count))
        writer.name("sessions")
        if shared.authState.settings.sessionList == nil {
            writer.null()
        } else {
            writer.integer(Int64(shared.authState.revocations.listedSessionCount))
        }
        writeReloads(shared.reloads)
        writer.name("paths")
        writer.beginObject()
        for (name, path) in shared.process.paths {
            writer.name(name)
            writer.string(path)
        }
        writer.endObject()
        writer.endObject()
    }

    private mutating func writeJournal(_ authState: AuthState) {
        writer.name("journal")
        writer.beginObject()
        writer.name("seq")
        writer.integer(Int64(clamping: authState.revocations.sequence))
        writer.name("writable")
        writer.bool(authState.revocations.isWritable)
        list("conditions", authState.revocations.conditions.filter(\.holds).map(\.name))
        writer.endObject()
    }

    private mutating func writeFollowed(_ followed: FollowedFeed?) {
        guard let followed else { return }
        writer.name("following")
        writer.beginObject()
        member("source", followed.home)
        member("condition", followed.condition.rawValue)
        writer.name("stale")
        writer.bool(followed.isStale)
        writer.name("age_ms")
        if let age = followed.age { writer.integer(age) } else { writer.null() }
        writer.name("position")
        if let position = followed.position { writer.string(position.text) } else { writer.null() }
        writer.endObject()
    }

    private mutating func writeStore(_ store: StoreStatus?) {
        guard let store else { return }
        let figures = store.figures
        writer.name("store")
        writer.beginObject()
        member("address", store.name)
        member("node", store.node)
        writer.name("up")
        writer.bool(store.isUp)
        writer.name("conditions")
        writer.beginArray()
        for (condition, text) in store.conditions { writer.string("\(condition.rawValue): \(text)") }
        writer.endArray()
        list("accepted", store.acceptedFlaws)
        writer.name("age_ms")
        if let age = store.knowledge.age { writer.integer(age) } else { writer.null() }
        writer.name("epoch")
        writer.integer(Int64(figures.epoch))
        writer.name("unsent")
        writer.integer(Int64(figures.unsentRevocations))
        writer.name("clock_offset_ms")
        if let offset = figures.clockOffset { writer.integer(offset) } else { writer.null() }
        writer.endObject()
    }

    private mutating func writeKeys(_ shared: ApplicationShared) {
        writer.name("keys")
        writer.beginArray()
        for applied in shared.appliedKeys() {
            writer.beginObject()
            member("kid", applied.key.kid)
            member("alg", applied.key.algorithm.rawValue)
            member("purpose", applied.key.purpose.rawValue)
            member("state", applied.state.rawValue)
            writer.name("compromised")
            writer.bool(applied.state == .compromised)
            // Whether all its tokens are rejected for good, also after the file is gone.
            writer.name("revoked")
            writer.bool(shared.authState.revocations.isCut(key: Array(applied.key.kid.utf8)))
            writer.endObject()
        }
        writer.endArray()
    }

    private mutating func writeReloads(_ reloads: ReloadStatus) {
        writer.name("reloads")
        writer.beginObject()
        for source in ReloadSource.allCases {
            guard let entry = reloads[source] else { continue }
            writer.name(source.rawValue)
            writer.beginObject()
            writer.name("ok")
            writer.bool(entry.isCurrent)
            member("last_attempt", at: entry.lastAttempt)
            member("last_success", at: entry.lastSuccess)
            writer.name("reason")
            if let reason = entry.reason { writer.string(reason) } else { writer.null() }
            writer.endObject()
        }
        writer.endObject()
    }

    private mutating func member(_ name: StaticString, _ value: String) {
        writer.name(name)
        writer.string(value)
    }

    private mutating func member(_ name: StaticString, at milliseconds: UnixMilliseconds?) {
        writer.name(name)
        guard let milliseconds else { return writer.null() }
        var text: [UInt8] = []
        ISO8601.write(milliseconds: milliseconds, to: &text)
        writer.string(utf8: text)
    }

    private mutating func list(_ name: StaticString, _ values: [String]) {
        writer.name(name)
        writer.beginArray()
        for value in values { writer.string(value) }
        writer.endArray()
    }
}
