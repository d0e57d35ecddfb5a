internal import Store

/// Runs statements that a connection needs again and again: the server parses each of them once.
///
/// A pooler may give each transaction another connection to the server, on which the statement is unknown or has been
/// prepared by someone else. From the first such answer on, statements are sent whole.
struct PreparedStatements {
    /// Answers to a prepared statement that was not started: no such statement, or its answer has another form now.
    private static let unknown: Set<String> = ["26000", "0A000"]

    /// Whether statements are prepared.
    private(set) var isUsed = true
    /// The names of those that the connection has, by their text.
    private var names: [String: String] = [:]

    /// Forgets the statements of a connection that has ended.
    mutating func reset() { names = [:] }

    mutating func run(
        _ text: String, _ values: BinaryValues, on link: PostgresLink, by deadline: StoreDeadline
    ) throws(PostgresError) -> PostgresResult {
        guard isUsed else { return try link.run(text, values, by: deadline) }
        do {
            if let name = names[text] { return try link.runPrepared(name, values, by: deadline) }
            let name = Self.name(text)
            try link.prepare(name, text, types: values.types, by: deadline)
            names[text] = name
            return try link.runPrepared(name, values, by: deadline)
        } catch {
            guard case .answered(let state) = error.cause, FaultTable.keepsConnection(error),
                names[text] == nil || Self.unknown.contains(state)
            else { throw error }
            // Nothing has been done. If it fails without a pooler too, the reason is another one.
            let answer = try link.run(text, values, by: deadline)
            isUsed = false
            return answer
        }
    }

    /// A name that no other statement has, also not one of another node behind the same pooler: FNV-1a of the text.
    static func name(_ text: String) -> String {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        return "martlet_" + String(hash, radix: 16)
    }
}
