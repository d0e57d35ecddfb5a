import Encoding
import Revocation
import Service

extension WantedPosition {
    /// What `min_seq` must be, for the caller.
    static let expected = "a position such as 1:4194401, or a whole number"

    /// Reads the text of `min_seq`.
    ///
    /// - Parameter mayBeNumber: whether it may be a number alone, as in a query or a form; in JSON that is a number.
    /// - Throws: `request_malformed`, which names the member.
    init(_ name: StaticString, _ text: [UInt8], mayBeNumber: Bool) throws(Problem) {
        let wanted = WantedPosition(text: String(decoding: text, as: UTF8.self))
        guard let wanted, mayBeNumber || wanted.epoch != nil else {
            throw Problem(.requestMalformed, "The member \(name) must be \(Self.expected).")
        }
        self = wanted
    }
}

extension Parameters {
    /// The position up to which the answer must know everything; nil if the request names none.
    func wantedPosition() throws(Problem) -> WantedPosition? {
        switch given("min_seq") {
        case nil, .nothing: return nil
        case .integer(let number) where number >= 0: return WantedPosition(seq: UInt64(number))
        case .text(let text): return try WantedPosition("min_seq", text, mayBeNumber: isForm)
        case .integer, .yes, .other:
            throw Problem(.requestMalformed, "The member min_seq must be \(WantedPosition.expected).")
        }
    }
}

extension Application {
    /// Checks that everything up to a position is known here that the caller names.
    ///
    /// Handlers call this before anything else has an effect: if the position is not reached, the pipeline waits and runs
    /// the handler again.
    func check(_ wanted: WantedPosition?) throws(Problem) {
        guard let wanted else { return }
        switch context.authState.revocations.reach(wanted) {
        case .reached: return
        case .notReached:
            var problem = Problem(.sequenceNotReached, retryAfter: 1)
            problem.awaited = wanted
            throw problem
        case .unknown: throw Problem(.sequenceUnknown, retryAfter: 1)
        }
    }
}

extension ProblemCode {
    /// What a request with `min_seq` may get.
    static let ofPositions: [ProblemCode] = [.sequenceNotReached, .sequenceUnknown]
}

extension Schema.Member {
    static let wantedPosition = Schema.Member.optional("min_seq", .wantedPosition)
}

extension Schema {
    static let wantedPosition = named(
        "WantedPosition",
        .oneOf(
            .position,
            .integer(minimum: 0).described("The number of a position of the current epoch.")))
}
