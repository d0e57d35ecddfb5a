/// Why a statement or a connection failed.
struct PostgresError: Error, Equatable {
    enum Cause: Equatable {
        /// The server answered with this SQLSTATE.
        case answered(String)
        /// The connection broke, or was never made.
        case broken
        case late
        /// The answer is not what was asked for.
        case malformed
    }

    let cause: Cause
    /// One line, without anything that was sent.
    let reason: String

    init(_ cause: Cause, _ reason: String) {
        self.cause = cause
        self.reason = reason
    }

    static func malformed(_ what: String) -> PostgresError { PostgresError(.malformed, what) }
}

// What libpq writes about an error.
extension PostgresError {
    /// The SQLSTATE of a line such as `… FATAL:  28P01: password authentication failed`.
    static func state(_ line: String) -> String? {
        let words = line.split(separator: " ")
        for (word, next) in zip(words, words.dropFirst()) where ["FATAL:", "ERROR:", "PANIC:"].contains(word) {
            guard next.utf8.count == 6, next.hasSuffix(":") else { continue }
            let state = next.dropLast()
            if state.utf8.allSatisfy({ 0x30...0x39 ~= $0 || 0x41...0x5a ~= $0 }) { return String(state) }
        }
        return nil
    }

    /// The first line, at most 300 bytes of it.
    static func line(_ text: String) -> String {
        String(decoding: text.utf8.prefix { $0 >= 0x20 }.prefix(300), as: UTF8.self)
    }
}
