import Encoding
import HTTP
import Platform
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
    private let expectations: VerifyExpectations
    private let includesClaims: Bool
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
    /// - Parameter sequence: the newest durable record before the first token is looked up. Every result takes the
    ///   revocations up to this record into account.
    static func begin(_ sequence: UInt64, _ output: inout [UInt8]) {
        output.append("{\"seq\":")
        output.append(decimal: Int64(clamping: sequence))
        output.append(",\"results\":[")
    }

    /// Verifies tokens for the time of one slice, and appends their results; after the last one also the end of the
    /// answer.
    func workOneSlice(_ application: Application, _ output: inout [UInt8]) {
        let context = application.context
        context.applyChanges()
        let now = context.authState.clock.now
        let end = application.shared.monotonic() &+ Self.sliceNanoseconds
        var activeCount = 0
        let first = next
        let bytes = tokens.bytes
        repeat {
            if next > 0 { output.append(",") }
            let token = bytes.span.extracting(tokens.range(next))
            if application.verify(token, expectations, at: now, includesClaims, &output) { activeCount += 1 }
            next += 1
        } while !isDone && application.shared.monotonic() < end
        let counter = context.authState.counters.batchTokens
        counter.add(.active, UInt64(activeCount))
        counter.add(.rejected, UInt64(next - first - activeCount))
        if isDone { output.append("]}") }
    }
}

extension Application {
    /// Appends the result for one token of a batch.
    ///
    /// - Returns: whether the token is valid and meets the expectations.
    fileprivate func verify(
        _ token: Span<UInt8>, _ expectations: VerifyExpectations, at now: UnixMilliseconds, _ includesClaims: Bool,
        _ output: inout [UInt8]
    ) -> Bool {
        do throws(VerifyFailure) {
            let verified = try verifyToken.verify(token, expectations, at: now)
            write(verified, at: now, includesClaims: includesClaims, to: &output)
            return true
        } catch {
            output.append("{\"active\":false,\"code\":\"")
            output.append(contentsOf: Problem(error).code.rawValue.utf8)
            output.append("\"}")
            return false
        }
    }
}
