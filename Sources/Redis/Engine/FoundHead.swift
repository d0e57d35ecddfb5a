internal import Platform
internal import Revocation
internal import Store

/// What the script `head` finds.
struct FoundHead {
    /// Nil if there is nothing of ours.
    let head: EngineHead?
    /// Nil if the keys of the head are missing and only the log is left.
    let history: EpochHistory?
    let now: UnixMilliseconds

    init(_ reply: RedisReply) throws(StoreFault) {
        guard let parts = reply.elements, parts.count == 2 || parts.count == 8, let version = parts[0].text,
            let now = parts[1].number
        else { throw .malformed(reason: "the head has another form") }
        guard version == "1" else { throw Self.fault(version: version) }
        self.now = UnixMilliseconds(now)
        guard parts.count == 8 else {
            (head, history) = (nil, nil)
            return
        }
        guard let epoch = parts[2].unsigned.flatMap({ UInt32(exactly: $0) }), let seq = parts[3].unsigned,
            let time = parts[4].number, let identity = parts[5].text, let first = parts[6].unsigned,
            let earlier = parts[7].text
        else { throw .malformed(reason: "the head has another form") }
        head = EngineHead(
            position: LedgerPosition(epoch: epoch, seq: seq), time: UnixMilliseconds(time), identity: identity)
        history = identity == "?" ? nil : EpochHistory(first: first, earlier: earlier)
    }

    static func fault(version: String) -> StoreFault {
        guard let number = Int(version), number > 1 else {
            return .damaged(reason: "the key epoch of Redis has an unknown form")
        }
        return .rejected(
            reason: "Redis has data of a later version of Martlet (format \(number))",
            remedy: "Start a version that is at least as new as the other nodes.")
    }
}
