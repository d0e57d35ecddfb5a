import Encoding
import Revocation

/// Writes what readers of the feed get.
struct FeedEncoder: Sendable {
    let issuer: String
    /// How old what this node knows may be, in milliseconds; 0 for the node that writes the log.
    let age: @Sendable () -> Int64

    func json(_ answer: FeedAnswer) -> [UInt8] { answer.json(issuer: issuer, ageMilliseconds: age()) }

    /// The content of an answer in a form that has an end.
    func content(_ answer: FeedAnswer, _ form: FeedForm) -> [UInt8] {
        form == .records ? answer.binary : json(answer)
    }

    /// A server-sent event with records.
    func event(_ answer: FeedAnswer) -> [UInt8] {
        let data = json(answer)
        var event: [UInt8] = []
        event.reserveCapacity(data.count &+ 64)
        event.append("id: ")
        event.append(contentsOf: answer.position.text.utf8)
        event.append("\nevent: records\ndata: ")
        event.append(contentsOf: data)
        event.append("\n\n")
        return event
    }

    /// A server-sent event that says that there is nothing new.
    ///
    /// - Parameter position: up to where every reader has everything.
    func heartbeat(at position: LedgerPosition, head: LedgerPosition) -> [UInt8] {
        var json = JSONWriter()
        json.beginObject()
        json.name("issuer")
        json.string(issuer)
        json.name("head")
        json.string(head.text)
        json.name("age_ms")
        json.integer(age())
        json.endObject()
        var event: [UInt8] = []
        event.append("id: ")
        event.append(contentsOf: position.text.utf8)
        event.append("\nevent: heartbeat\ndata: ")
        event.append(contentsOf: json.bytes)
        event.append("\n\n")
        return event
    }

    /// The last event of a stream that cannot continue.
    func reset(_ gap: FeedGap, head: LedgerPosition) -> [UInt8] {
        var json = JSONWriter()
        json.beginObject()
        json.name("code")
        json.string(ProblemCode(gap).rawValue)
        json.name("head")
        json.string(head.text)
        json.endObject()
        var event: [UInt8] = []
        event.append("event: reset\ndata: ")
        event.append(contentsOf: json.bytes)
        event.append("\n\n")
        return event
    }
}

extension ProblemCode {
    init(_ gap: FeedGap) {
        switch gap {
        case .gone: self = .sequenceGone
        case .ahead: self = .sequenceAhead
        case .unknown: self = .sequenceUnknown
        }
    }
}

extension Problem {
    /// Why a reader cannot continue, and what to do.
    init(_ gap: FeedGap) {
        switch gap {
        case .gone: self.init(.sequenceGone, "Read /revocations/snapshot, then continue at its position.")
        case .ahead: self.init(.sequenceAhead, "Keep what you have, and read /revocations/snapshot.")
        case .unknown:
            self.init(.sequenceUnknown, "Keep what you have, and read /revocations/snapshot.")
            statusOverride = Self.unknownPositionStatus
        }
    }

    private static let unknownPositionStatus: UInt16 = 409

    /// The problem with the status that it has at an endpoint.
    init(_ code: ProblemCode, at endpoint: Endpoint) {
        self.init(code)
        if endpoint.policies.contains(.grantStatuses) { self = ofGrant }
        if code == .sequenceUnknown, endpoint.policies.contains(.positionStatuses) {
            statusOverride = Self.unknownPositionStatus
        }
    }
}
