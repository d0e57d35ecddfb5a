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
