/// Joins the parts of one reply, which arrive in order, and rejects what is larger than any reply that is expected.
///
/// One reader uses it, and only one thread uses that reader.
final class ReplyBuilder {
    static let elementCountMax = 100_000
    static let stringByteCountMax = 1 << 20
    /// What hiredis itself supports.
    static let depthMax = 7

    private struct Level {
        var remaining: Int
        var elements: [RedisReply]
    }

    private var levels: [Level] = []
    private var announced = 0
    private(set) var excess: String?
    private var finished: RedisReply?

    /// Returns the complete reply and begins another one.
    func take() -> RedisReply? {
        defer { reset() }
        return finished
    }

    private func reset() {
        levels.removeAll(keepingCapacity: true)
        announced = 0
        finished = nil
    }

    /// - Returns: false if there are too many elements.
    func begin(count: Int) -> Bool {
        guard (0...Self.elementCountMax).contains(count), announced + count <= Self.elementCountMax else {
            excess = "an array of \(count) elements"
            return false
        }
        guard levels.count < Self.depthMax else {
            excess = "arrays nested more than \(Self.depthMax) deep"
            return false
        }
        announced += count
        guard count > 0 else { return add(.array([])) }
        var elements: [RedisReply] = []
        elements.reserveCapacity(count)
        levels.append(Level(remaining: count, elements: elements))
        return true
    }

    /// - Returns: false if nothing more was expected.
    func add(_ reply: RedisReply) -> Bool {
        var reply = reply
        while var level = levels.popLast() {
            level.elements.append(reply)
            level.remaining -= 1
            guard level.remaining == 0 else {
                levels.append(level)
                return true
            }
            reply = .array(level.elements)
        }
        guard finished == nil else { return false }
        finished = reply
        return true
    }

    func reject(stringByteCount: Int) {
        excess = "a string of \(stringByteCount) bytes"
    }
}
