internal import Platform
internal import Revocation
internal import Store

extension RedisEngine {
    /// How long a report protects the name of its node, in milliseconds: nodes report each second.
    private static let protectionTime = "2500"
    /// How long a report is shown, in milliseconds.
    private static let reportTime = "60000"

    func exchange(_ own: NodeReport, by deadline: StoreDeadline) throws(StoreFault) -> EngineStatus {
        let arguments = [
            own.name, String(own.instance), NodeReportCodec.text(own), Self.protectionTime, Self.reportTime,
        ].map { Array($0.utf8) }
        for _ in 0..<2 {
            var commands = CommandBuffer()
            link.add(.exchange, keys: headKeys + [names.nodes], arguments: arguments, to: &commands)
            // After the head, so that the offset includes it.
            commands.command("ROLE")
            let replies = try link.exchange(commands, by: deadline)
            guard replies.count == commands.count else { throw link.malformed("the reports") }
            guard !RedisLink.isMissingScript(replies[0]) else {
                try link.loadScripts(by: deadline)
                continue
            }
            for case .error(let text) in replies { throw link.fault(text) }
            return try status(replies[0], ROLE: replies[1])
        }
        throw .busy(reason: "Redis loses its scripts")
    }

    /// Returns the same as ``exchange(_:by:)``, but stores nothing.
    func status(by deadline: StoreDeadline) throws(StoreFault) -> EngineStatus {
        let found = try findHead(by: deadline)
        var commands = CommandBuffer()
        commands.command("HGETALL", names.nodes)
        commands.command("ROLE")
        let replies = try link.exchange(commands, by: deadline)
        for case .error(let text) in replies { throw link.fault(text) }
        guard replies.count == 2, let list = replies[0].elements else { throw link.malformed("the reports") }
        return EngineStatus(
            nodes: reports(list, now: found.now), now: found.now, head: found.head,
            safeSeq: try safeSeq(found.head, ROLE: replies[1]), isNameTaken: false)
    }

    private func status(_ reply: RedisReply, ROLE: RedisReply) throws(StoreFault) -> EngineStatus {
        guard let parts = reply.elements, parts.count == 3, let isTaken = parts[0].number,
            let list = parts[1].elements
        else { throw link.malformed("the reports") }
        let found = try FoundHead(parts[2])
        return EngineStatus(
            nodes: reports(list, now: found.now), now: found.now, head: found.head,
            safeSeq: try safeSeq(found.head, ROLE: ROLE), isNameTaken: isTaken != 0)
    }

    private func safeSeq(_ head: EngineHead?, ROLE: RedisReply) throws(StoreFault) -> UInt64? {
        guard let role = ServerRole(ROLE) else { throw link.malformed("ROLE") }
        guard case .primary(let offset, let replicas) = role else {
            link.disconnect()
            throw .notPrimary(reason: "the server became a replica")
        }
        guard let head else { return nil }
        return safe.note(seq: head.position.seq, offset: offset, replicas: replicas)
    }

    private func reports(_ list: [RedisReply], now: UnixMilliseconds) -> [NodeReport] {
        let oldest = now.adding(milliseconds: -60_000)
        return stride(from: 0, to: list.count - 1, by: 2).compactMap { index in
            guard let name = list[index].text, let text = list[index + 1].text else { return nil }
            return NodeReportCodec.report(name, text)
        }.filter { $0.time >= oldest }.sorted { $0.name < $1.name }
    }
}

/// The form of a report in the hash of all reports: `time instance` by the script, then fields with tabs between them. A
/// later version may add fields.
enum NodeReportCodec {
    static func text(_ report: NodeReport) -> String {
        [
            report.version, report.position.text, String(report.age), String(report.clockOffset), report.keyHash,
            report.settingsHash,
        ].map { $0.replacing("\t", with: " ") }.joined(separator: "\t")
    }

    /// - Returns: nil for a report of another form.
    static func report(_ name: String, _ text: String) -> NodeReport? {
        let words = text.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: false)
        guard words.count == 3, let time = Int64(words[0]), let instance = UInt64(words[1]) else { return nil }
        let fields = words[2].split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
        guard fields.count >= 6, let position = LedgerPosition(text: fields[1]), let age = Int64(fields[2]),
            let clockOffset = Int64(fields[3])
        else { return nil }
        var report = NodeReport(
            name: name, instance: instance, version: fields[0], position: position, age: age,
            clockOffset: clockOffset, keyHash: fields[4], settingsHash: fields[5])
        report.time = UnixMilliseconds(time)
        return report
    }
}
