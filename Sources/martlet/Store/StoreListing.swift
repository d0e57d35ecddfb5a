import App
import Encoding
import Platform
import Revocation
import Store

/// Implements `martlet store status`: what the servers that use a store say about themselves.
enum StoreListing {
    /// - Returns: whether the servers agree.
    static func run(_ words: [String]) throws(CommandError) -> Bool {
        let arguments = try Arguments.parse(words, options: ConnectedStore.options + [.flag("--json")])
        let store = try ConnectedStore(arguments)
        defer { store.engine.disconnect() }
        let status: EngineStatus
        do throws(StoreFault) {
            status = try store.engine.status(by: ConnectedStore.deadline)
        } catch {
            throw CommandError(error)
        }
        let nodes = status.nodes.sorted { $0.name < $1.name }
        Terminal.write(arguments.has("--json") ? json(store, status, nodes) : text(store, status, nodes))
        return isEqual(nodes.map(\.keyHash)) && isEqual(nodes.map(\.settingsHash))
    }

    private static func isEqual(_ hashes: [String]) -> Bool { Set(hashes.filter { !$0.isEmpty }).count <= 1 }

    static func text(_ store: ConnectedStore, _ status: EngineStatus, _ nodes: [NodeReport]) -> String {
        let head = status.head.map { "record \($0.position)" } ?? "nothing recorded yet"
        let facts = [
            ("store", store.source.name), ("engine", store.report.version), ("position", head),
            ("replicas", "\(store.report.replicaCount), \(store.connection.replicas) demanded"),
            ("servers", "\(nodes.count)"),
        ]
        var lines = facts.map { "\($0.0.padded(to: 8))  \(Printable.text($0.1))\n" }.joined()
        if !nodes.isEmpty { lines += "\n" + table(status, nodes) }
        if !isEqual(nodes.map(\.keyHash)) {
            lines += "\nThe servers have different keys. Give all of them the same key directory.\n"
        }
        if !isEqual(nodes.map(\.settingsHash)) {
            lines +=
                "\nThe servers have different settings. These must be equal: "
                + SharedSettings.names.joined(separator: ", ") + ".\n"
        }
        return lines
    }

    private static func table(_ status: EngineStatus, _ nodes: [NodeReport]) -> String {
        var rows = [["NAME", "VERSION", "POSITION", "BEHIND", "AGE", "CLOCK", "KEYS", "SETTINGS", "SEEN"]]
        for node in nodes {
            let head = status.head?.position.seq ?? node.position.seq
            rows.append([
                Printable.short(node.name), Printable.short(node.version), node.position.text,
                "\(head - min(head, node.position.seq))", node.age < 0 ? "unknown" : "\(node.age) ms",
                "\(node.clockOffset > 0 ? "+" : "")\(node.clockOffset) ms",
                Printable.short(String(node.keyHash.prefix(8))),
                Printable.short(String(node.settingsHash.prefix(8))),
                "\(max(0, status.now.milliseconds(since: node.time))) ms ago",
            ])
        }
        let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            let cells = zip(row, widths).map { $0.padded(to: $1) }
            var line = cells.joined(separator: "  ")
            while line.last == " " { line.removeLast() }
            return line + "\n"
        }.joined()
    }

    private static func json(_ store: ConnectedStore, _ status: EngineStatus, _ nodes: [NodeReport]) -> String {
        var writer = JSONWriter(isPretty: true)
        writer.beginObject()
        writer.member("store", store.source.name)
        writer.member("engine", store.report.version)
        writer.member("position", optional: status.head?.position.text)
        writer.member("replicas", Int64(store.report.replicaCount))
        writer.name("servers")
        writer.beginArray()
        for node in nodes {
            writer.beginObject()
            writer.member("name", node.name)
            writer.member("version", node.version)
            writer.member("position", node.position.text)
            writer.member("age_ms", node.age)
            writer.member("clock_offset_ms", node.clockOffset)
            writer.member("keys", node.keyHash)
            writer.member("settings", node.settingsHash)
            writer.member("seen_ms_ago", status.now.milliseconds(since: node.time))
            writer.endObject()
        }
        writer.endArray()
        writer.endObject()
        return String(decoding: writer.bytes, as: UTF8.self) + "\n"
    }
}
