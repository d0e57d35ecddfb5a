import HTTPClient

/// Implements `martlet status`: shows what the running service currently applies.
enum StatusCommand {
    static let usage = """
        usage: martlet status [--json] [--socket PATH]

        Asks the running service over its operator socket for its state: its keys, the number of users, clients
        and listed sessions, when it last read each file and why that failed, and the condition of the journal.

        \(OperatorClient.optionUsage)
          --json         print the response of GET /admin/status

        Exit code: 0 ready, 1 not ready or a file could not be reloaded, 2 error in the command line or a
        setting, 75 the service is not running or does not answer.

        """

    static func run(_ words: [String]) -> Int32 {
        var isWell = true
        let code = Verb.run("status", usage: usage) { () throws(CommandError) in
            let arguments = try Arguments.parse(words, options: [OperatorClient.option, .flag("--json")])
            let client = try OperatorClient.named(arguments)
            do throws(OperatorError) {
                let answer = try client.get("/admin/status")
                let status = try client.status(in: answer)
                isWell = status.isReady && status.reloads.allSatisfy(\.isCurrent)
                Terminal.write(
                    arguments.has("--json") ? String(decoding: answer.body, as: UTF8.self) + "\n" : text(status))
            } catch {
                throw CommandError(error)
            }
        }
        return code == ExitCode.ok && !isWell ? ExitCode.failed : code
    }

    private static func text(_ followed: ServiceStatus.Followed) -> String {
        let age = followed.age.map { "\($0) ms old" } ?? "NOTHING known yet"
        let condition = followed.condition == "following" ? "" : ", \(followed.condition)"
        return "\(followed.source), \(age), record \(followed.position ?? "none")\(condition)"
    }

    private static func text(_ store: ServiceStatus.Store, _ sequence: Int64) -> String {
        let age = store.age.map { "\($0) ms old" } ?? "NOTHING known yet"
        return "\(store.address), \(store.isUp ? "up" : "NOT up"), \(age), record \(sequence), as \(store.node)"
    }

    static func text(_ status: ServiceStatus) -> String {
        let state = status.isReady ? "ready" : "not ready: \(status.reasons.joined(separator: ", "))"
        let conditions = status.journalConditions.isEmpty ? "" : ": \(status.journalConditions.joined(separator: ", "))"
        let writable = status.isJournalWritable ? "writable" : "NOT writable"
        let journal = "\(writable)\(conditions), record \(status.sequence)"
        var rows = [
            ("version", status.version), ("pid", "\(status.pid)"), ("started", status.started), ("status", state),
            ("issuer", status.issuer), ("audiences", status.audiences.joined(separator: " ")),
            status.store.map { ("store", text($0, status.sequence)) } ?? status.followed.map { ("follows", text($0)) }
                ?? ("journal", journal),
            ("users", "\(status.userCount)"), ("clients", "\(status.clientCount)"),
        ]
        for condition in status.store?.conditions ?? [] { rows.append(("store", condition)) }
        if let count = status.sessionCount { rows.append(("sessions", "\(count)")) }
        for name in ["state", "keys", "users", "clients"] {
            if let path = status.paths[name] { rows.append(("\(name) in", path)) }
        }
        for key in status.keys {
            let mark = key.isRevoked ? ", its tokens are revoked" : ""
            rows.append(("key", "\(key.kid)  \(key.algorithm)  \(key.purpose)  \(key.state)\(mark)"))
        }
        for reload in status.reloads {
            let success = reload.lastSuccess ?? "never"
            let what =
                reload.isCurrent
                ? "read \(success)" : "FAILED \(reload.lastAttempt), as of \(success): \(reload.reason ?? "")"
            rows.append(("reload", "\(reload.source)  \(what)"))
        }
        let width = rows.map(\.0.count).max() ?? 0
        return rows.map { "\($0.0.padded(to: width))  \(Printable.text($0.1))\n" }.joined()
    }
}
