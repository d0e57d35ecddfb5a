import Encoding
import HTTP
import Platform
import Revocation
import Service
import Telemetry
import Tokens

/// One batch whose results are not all written yet.
///
/// The event loop works on it in slices. A slice ends with the token that exceeds ``sliceNanoseconds``, so each slice
/// verifies at least one. It sees the newest keys, accounts and revocations, and the time at its own beginning.
final class BatchRun {
    /// How long a slice may take, in nanoseconds. A request on another connection waits about as long.
    static let sliceNanoseconds: Int64 = 250_000

    private let tokens: BatchTokens
    let expectations: VerifyExpectations
    let includesClaims: Bool
    private var next = 0
    /// What continues this batch.
    let exchange: Exchange
    /// Nil while the first slice runs.
    var stream: ResponseStream?

    init(_ tokens: BatchTokens, _ conditions: Conditions, _ exchange: Exchange) {
        self.tokens = tokens
        expectations = conditions.expectations
        includesClaims = !conditions.leavesOutClaims
        self.exchange = exchange
    }

    var isDone: Bool { next == tokens.count }

    /// The number of bytes of memory that it keeps while it runs.
    var byteCount: Int { tokens.byteCount }

    /// Appends the beginning of the answer.
    ///
    /// - Parameter position: the newest durable record before the first token is looked up. Every result takes the
    ///   revocations up to this record into account.
    static func begin(_ position: LedgerPosition, _ output: inout [UInt8]) {
        output.append("{\"seq\":")
        output.append(position)
        output.append(",\"results\":[")
    }

    /// Calls `body` with the next tokens until it returns false or all are done.
    ///
    /// - Returns: how many tokens these were.
    func advance(_ body: (_ token: Span<UInt8>, _ isFirst: Bool) -> Bool) -> Int {
        let first = next
        let bytes = tokens.bytes
        var continues = true
        while continues, !isDone {
            continues = body(bytes.span.extracting(tokens.range(next)), next == 0)
            next += 1
        }
        return next - first
    }
}
