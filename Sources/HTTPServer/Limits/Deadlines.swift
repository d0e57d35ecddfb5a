/// The deadlines of ``Limits`` in milliseconds.
struct Deadlines: Sendable {
    let head: Int64
    let body: Int64
    let idle: Int64
    let write: Int64
    let linger: Int64
    let drainNotice: Int64
    let drain: Int64
    private let rateMin: Int64
    private let rateGrace: Int64
    /// The interval between two checks of the deadlines.
    let tick: Int64

    init(_ limits: Limits) {
        head = limits.headDeadline.milliseconds
        body = limits.bodyDeadline.milliseconds
        idle = limits.idleDeadline.milliseconds
        write = limits.writeDeadline.milliseconds
        linger = limits.lingerDeadline.milliseconds
        drainNotice = limits.drainNotice.milliseconds
        drain = limits.drainDeadline.milliseconds
        rateMin = Int64(clamping: limits.rateMin)
        rateGrace = limits.rateGrace.milliseconds
        tick = max(10, min(250, min(head, body, idle, write) / 4))
    }

    /// Returns how long `byteCount` bytes may take in addition to the fixed deadline.
    private func allowance(_ byteCount: Int) -> Int64 {
        guard rateMin > 0 else { return Int64.max / 4 }
        return Int64(clamping: max(0, min(byteCount, 1 << 40))) &* 1_000 / rateMin
    }

    /// Returns when content that began at `began` must be complete, or when more of it must have arrived.
    func content(began: Int64, received byteCount: Int) -> Int64 {
        began &+ min(body, rateGrace &+ allowance(byteCount))
    }

    /// Returns when the client must have read more of a response that was available at `began`.
    func answer(began: Int64, taken byteCount: Int, now: Int64) -> Int64 {
        min(now &+ write, began &+ write &+ allowance(byteCount))
    }
}
