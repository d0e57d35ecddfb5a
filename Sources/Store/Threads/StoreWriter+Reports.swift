import Platform
import Revocation

extension StoreWriter {
    /// The offset of the clock in milliseconds from which the log warns, and from which nothing is issued.
    static let offsetWarning: UInt64 = 1_000
    static let offsetMax: UInt64 = 5_000

    /// Tells the engine about this node, and learns about the others.
    func exchangeIfDue() throws(StoreFault) {
        let began = now
        guard reportedAt == .min || began &- reportedAt >= Self.reportPause else { return }
        reportedAt = began
        let own = NodeReport(
            name: options.node.name, instance: instance, version: options.node.version,
            position: mirror.head.position, age: status.knowledge.age ?? -1,
            clockOffset: status.figures.clockOffset ?? 0, keyHash: options.node.keyHash(),
            settingsHash: options.node.settingsHash)
        let answer = try engine.exchange(own, by: deadline)
        noteClock(answer.now, sent: began)
        if let safe = answer.safeSeq { mirror.note(safeSeq: safe) }
        noteName(answer)
        notePeers(answer, own)
        if let head = answer.head, case .ready(let epoch) = link, head.position.epoch != epoch {
            throw .epoch(head)
        }
    }

    func noteClock(_ engine: UnixMilliseconds, sent: Int64) {
        let offset = clock.learn(engine, sent: sent)
        let before = status.figures.clockOffset ?? 0
        status.count { $0.clockOffset = offset }
        if offset.magnitude > Self.offsetWarning, before.magnitude <= Self.offsetWarning {
            options.observe(.clockOffset(milliseconds: offset))
        }
        if offset.magnitude > Self.offsetMax {
            let direction = offset > 0 ? "ahead of" : "behind"
            status.set(
                .clockOff,
                """
                the clock of this node is \(offset.magnitude) ms \(direction) that of the engine: nothing is issued. \
                Set the clocks, for example with NTP.
                """)
        } else {
            status.clear(.clockOff)
        }
        if queue.mode.sends { open() }
    }

    private func noteName(_ answer: EngineStatus) {
        guard answer.isNameTaken else {
            if status.clear(.nameTaken) { open() }
            return
        }
        let text = "another living node has the name \(options.node.name). Give each node its own MARTLET_NODE."
        close(text)
        if status.set(.nameTaken, text) { options.observe(.nameTaken(options.node.name)) }
    }

    private func notePeers(_ answer: EngineStatus, _ own: NodeReport) {
        let found = peers.take(answer.nodes, own: own, at: now, keySpread: options.keySpread)
        note(.keysDiffer, found.keys, "other keys", "Give all nodes the same keys directory.")
        note(
            .settingsDiffer, found.settings, "other settings",
            "Issuer, lifetimes, grace and algorithm must be the same on all nodes.")
    }

    private func note(_ condition: StoreStatus.Condition, _ names: [String], _ what: String, _ remedy: String) {
        guard let first = names.sorted().first else {
            status.clear(condition)
            return
        }
        let isNew = status.set(condition, "node \(names.sorted().joined(separator: ", ")) has \(what). \(remedy)")
        if isNew { options.observe(.differs(node: first, what: what)) }
    }
}
