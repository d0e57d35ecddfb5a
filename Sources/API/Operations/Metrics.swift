import Accounts
import HTTP
import Revocation
import Service
import Synchronization
import Telemetry

extension Route {
    package static let metrics = Route(
        "/metrics", [.get, .head], on: .operator, policies: [.quiet, .onFollowers],
        operations: [
            Operation(
                method: .get, id: "metrics", tag: "operator", summary: "Counters and histograms.",
                description: "Prometheus text, format 0.0.4. Contains no secret and no user name.",
                answers: [
                    Operation.Answer(
                        status: 200, description: "The metrics.",
                        content: Operation.Content(type: "text/plain", schema: .string))
                ])
        ]
    ) { application, _, response, _, _ throws(Problem) in
        application.metrics(&response)
        return .answered
    }
}

extension Application {
    /// `GET /metrics`: Prometheus text.
    func metrics(_ response: inout Response) {
        var page = PrometheusText()
        Self.addRequests(shared, &page)
        Self.addLatencies(shared, &page)
        Self.addService(shared.authState, &page)
        Self.addRevocations(shared.authState, &page)
        if let followed = shared.authState.followed {
            Self.addFollowed(followed, &page)
        } else if let store = shared.authState.store {
            Self.addStore(store, &page)
        } else {
            Self.addJournal(shared.authState, &page)
        }
        if let feed = shared.feed { Self.addFeed(feed, &page) }
        Self.addConnections(shared.connections, &page)
        Self.addReloads(shared, &page)
        Self.addProcess(shared, &page)
        if let accessLog = shared.accessLog { Self.addAccessLog(accessLog, &page) }
        response.addLines("Content-Type: text/plain; version=0.0.4; charset=utf-8\r\nCache-Control: no-store\r\n")
        response.body.append(contentsOf: page.bytes)
    }

    private static func paths(of endpoints: EndpointTable) -> [String] {
        endpoints.paths + ["other"]
    }

    private static func addRequests(_ shared: ApplicationShared, _ page: inout PrometheusText) {
        page.family("martlet_requests_total", .counter, "Answers by route and status.")
        let statuses = ApplicationShared.statuses.map { String($0) } + ["other"]
        for (row, route) in paths(of: shared.endpoints).enumerated() {
            for (column, status) in statuses.enumerated() {
                let count = shared.loopCounts.reduce(0) { $0 &+ $1.count(row: row, column: column) }
                guard count > 0 else { continue }
                page.sample("martlet_requests_total", [("route", route), ("status", status)], count)
            }
        }
    }

    private static func addLatencies(_ shared: ApplicationShared, _ page: inout PrometheusText) {
        let name = "martlet_request_seconds"
        page.family(name, .histogram, "Time from the last byte of a request to its response, by route.")
        for (row, route) in paths(of: shared.endpoints).enumerated() {
            var buckets = [UInt64](repeating: 0, count: LoopCounts.bucketBounds.count + 1)
            var sum: UInt64 = 0
            for counts in shared.loopCounts {
                let latencies = counts.latencies(row: row)
                sum &+= latencies.sum
                for index in buckets.indices { buckets[index] &+= latencies.buckets[index] }
            }
            let total = buckets.reduce(0, &+)
            guard total > 0 else { continue }
            var below: UInt64 = 0
            for (index, bound) in LoopCounts.bucketBounds.enumerated() {
                below &+= buckets[index]
                page.sample("\(name)_bucket", [("route", route), ("le", "\(Double(bound) / 1_000_000)")], below)
            }
            page.sample("\(name)_bucket", [("route", route), ("le", "+Inf")], total)
            page.sample("\(name)_sum", [("route", route)], seconds: Double(sum) / 1_000_000)
            page.sample("\(name)_count", [("route", route)], total)
        }
    }

    private static func addService(_ authState: AuthState, _ page: inout PrometheusText) {
        page.family("martlet_logins_total", .counter, "Logins by result.")
        for result in LoginResult.allCases {
            page.sample("martlet_logins_total", [("result", result.rawValue)], authState.counters.logins.value(result))
        }
        page.family("martlet_password_changes_total", .counter, "Requests for a new password by result.")
        for result in PasswordChangeResult.allCases {
            let count = authState.counters.passwordChanges.value(result)
            page.sample("martlet_password_changes_total", [("result", result.rawValue)], count)
        }
        page.family("martlet_refreshes_total", .counter, "Refreshes by outcome.")
        for result in RefreshResult.allCases {
            page.sample(
                "martlet_refreshes_total", [("outcome", result.rawValue)], authState.counters.refreshes.value(result))
        }
        page.family("martlet_batch_tokens_total", .counter, "Tokens verified by /verify/batch, by result.")
        for result in BatchTokenResult.allCases {
            page.sample(
                "martlet_batch_tokens_total", [("result", result.rawValue)],
                authState.counters.batchTokens.value(result))
        }
        page.family("martlet_revocations_total", .counter, "Revocation requests, by target.")
        for kind in RevocationKind.allCases {
            page.sample(
                "martlet_revocations_total", [("kind", kind.rawValue)], authState.counters.revocations.value(kind))
        }
        let failures = authState.counters.clientFailures
        page.family("martlet_client_failures_total", .counter, "Failed client authentications, by result.")
        for result in ClientFailureResult.allCases {
            page.sample("martlet_client_failures_total", [("result", result.rawValue)], failures.value(result))
        }
        addHashing(authState.hashing.counts, &page)
    }

    private static func addHashing(_ hashing: HashingCounts, _ page: inout PrometheusText) {
        page.family("martlet_hash_queue_length", .gauge, "Password hashes waiting for a worker.")
        page.sample("martlet_hash_queue_length", hashing.queued)
        page.family("martlet_hash_workers_busy", .gauge, "Password hashes being computed.")
        page.sample("martlet_hash_workers_busy", hashing.busy)
        let lanes = [("known", hashing.known), ("other", hashing.other)]
        page.family("martlet_hash_lane_length", .gauge, "Password hashes waiting for a worker, by lane.")
        for (name, lane) in lanes { page.sample("martlet_hash_lane_length", [("lane", name)], lane.queued) }
        page.family("martlet_hash_lane_rejected_total", .counter, "Password hashes that were not computed, by lane.")
        for (name, lane) in lanes { page.sample("martlet_hash_lane_rejected_total", [("lane", name)], lane.rejected) }
    }

    private static func addRevocations(_ authState: AuthState, _ page: inout PrometheusText) {
        let counts = authState.revocations.counts
        page.family("martlet_denylist_entries", .gauge, "Revocations in memory, by kind.")
        page.sample("martlet_denylist_entries", [("kind", "token")], counts.revokedTokens)
        page.sample("martlet_denylist_entries", [("kind", "session")], counts.revokedSessions)
        page.sample("martlet_denylist_entries", [("kind", "cut")], counts.cuts)
        page.family("martlet_rotated_sessions", .gauge, "Sessions in memory that have rotated at least once.")
        page.sample("martlet_rotated_sessions", counts.rotatedSessions)
        if authState.settings.sessionList != nil {
            page.family("martlet_listed_sessions", .gauge, "Sessions in memory that their users can list.")
            page.sample("martlet_listed_sessions", authState.revocations.listedSessionCount)
        }
    }

    private static func addJournal(_ authState: AuthState, _ page: inout PrometheusText) {
        let journal = authState.revocations.journalFigures
        page.family("martlet_journal_writable", .gauge, "1 while revocations can be made durable.")
        page.sample("martlet_journal_writable", authState.revocations.isWritable ? 1 : 0)
        page.family(
            "martlet_journal_condition", .gauge, "1 for each problem that keeps the journal from being durable.")
        for (reason, holds) in authState.revocations.conditions {
            page.sample("martlet_journal_condition", [("reason", reason)], holds ? 1 : 0)
        }
        page.family("martlet_journal_commits_total", .counter, "Commits of one or more records.")
        page.sample("martlet_journal_commits_total", journal.commits)
        page.family("martlet_journal_records_total", .counter, "Records made durable.")
        page.sample("martlet_journal_records_total", journal.records)
        page.family("martlet_journal_sync_seconds_total", .counter, "Time spent making commits durable.")
        page.sample("martlet_journal_sync_seconds_total", seconds: Double(journal.syncNanoseconds) / 1_000_000_000)
        page.family("martlet_journal_failures_total", .counter, "Writes to the journal that failed.")
        page.sample("martlet_journal_failures_total", journal.failures)
        page.family("martlet_journal_stored_records", .gauge, "Records on disk, including expired ones.")
        page.sample("martlet_journal_stored_records", authState.revocations.storedRecordCount)
        page.family("martlet_journal_sequence", .gauge, "Number of the newest durable record.")
        page.sample("martlet_journal_sequence", authState.revocations.sequence)
    }

    private static func addAccessLog(_ log: AccessLog, _ page: inout PrometheusText) {
        page.family("martlet_access_log_lines_total", .counter, "Lines of the access log, by outcome.")
        page.sample("martlet_access_log_lines_total", [("outcome", "written")], log.written)
        page.sample("martlet_access_log_lines_total", [("outcome", "dropped")], log.dropped)
    }

    private static func addConnections(_ connections: ConnectionCounters, _ page: inout PrometheusText) {
        page.family("martlet_connections_open", .gauge, "Connections open now.")
        page.sample("martlet_connections_open", connections.open.load(ordering: .relaxed))
        page.family("martlet_buffered_octets", .gauge, "Memory used by incomplete requests and unsent responses.")
        page.sample("martlet_buffered_octets", connections.buffered.load(ordering: .relaxed))
        page.family("martlet_connections_total", .counter, "Connections, by how they started or ended.")
        let kinds: [(String, UInt64)] = [
            ("accepted", connections.accepted.load(ordering: .relaxed)),
            ("refused", connections.refused.load(ordering: .relaxed)),
            ("timed_out", connections.timedOut.load(ordering: .relaxed)),
            ("malformed", connections.malformed.load(ordering: .relaxed)),
            ("flooded", connections.flooded.load(ordering: .relaxed)),
            ("shed", connections.shed.load(ordering: .relaxed)),
        ]
        for (kind, count) in kinds { page.sample("martlet_connections_total", [("kind", kind)], count) }
    }
}
