import Testing

@testable import Accounts

@Suite("Guesses at the secrets of clients, H16")
struct ClientThrottleTests {
    private static let start: Int64 = 1_800_000_000_000

    private func throttle(source: LoginThrottle.Limit = .off) -> LoginThrottle {
        LoginThrottle(account: .init(failureCountMax: 3, refillMilliseconds: 10_000), source: source, key: (1, 2))
    }

    @Test func `a source has so many wrong secrets for one client, and none after`() {
        let throttle = throttle()
        let verdicts = (0..<40).map { _ in
            throttle.judge(client: "shop", isRight: false, source: 1, now: Self.start)
        }
        #expect(verdicts.prefix(3).allSatisfy { $0 == .refused })
        #expect(verdicts.dropFirst(3).allSatisfy { $0 == .wait(seconds: 10) })
        #expect(throttle.judge(client: "shop", isRight: false, source: 1, now: Self.start + 10_000) == .refused)
        #expect(throttle.judge(client: "bank", isRight: false, source: 1, now: Self.start) == .refused)
    }

    @Test func `a limited source that is not known learns nothing about a secret`() {
        let throttle = throttle()
        for _ in 0..<3 { _ = throttle.judge(client: "shop", isRight: false, source: 1, now: Self.start) }
        let right = throttle.judge(client: "shop", isRight: true, source: 1, now: Self.start)
        #expect(right == throttle.judge(client: "shop", isRight: false, source: 1, now: Self.start))
        #expect(right == .wait(seconds: 10))
        #expect(throttle.judge(client: "shop", isRight: true, source: 1, now: Self.start + 10_000) == .accepted)
    }

    @Test func `a right secret from a source that used it before is always accepted`() {
        let throttle = throttle(source: .init(failureCountMax: 5, refillMilliseconds: 3_000))
        #expect(throttle.judge(client: "shop", isRight: true, source: 1, now: Self.start) == .accepted)
        for number in 0..<100 {
            _ = throttle.judge(client: "shop", isRight: false, source: 1, now: Self.start)
            _ = throttle.judge(client: "guess \(number)", isRight: false, source: 1, now: Self.start)
            #expect(throttle.judge(client: "shop", isRight: true, source: 1, now: Self.start) == .accepted)
        }
        // It does not give the guesses of others at the same address back.
        #expect(throttle.judge(client: "shop", isRight: false, source: 1, now: Self.start) == .wait(seconds: 10))
        // The source is known for this client only.
        #expect(throttle.judge(client: "bank", isRight: true, source: 1, now: Self.start) == .wait(seconds: 3))
    }

    @Test func `guesses from elsewhere do not stop a client at a new address`() {
        let throttle = throttle()
        for source in UInt64(10)..<500 {
            #expect(throttle.judge(client: "shop", isRight: false, source: source, now: Self.start) == .refused)
        }
        #expect(throttle.judge(client: "shop", isRight: true, source: 1, now: Self.start) == .accepted)
    }

    @Test func `one machine with an old secret does not stop the clients that share its address`() {
        let throttle = throttle(source: .init(failureCountMax: 5, refillMilliseconds: 3_000))
        for second in Int64(0)..<3_600 {
            _ = throttle.judge(client: "old", isRight: false, source: 1, now: Self.start + second * 1_000)
        }
        #expect(throttle.judge(client: "shop", isRight: true, source: 1, now: Self.start + 3_600_000) == .accepted)
    }

    @Test func `passwords and secrets are guessed from one bucket of the source, and make it fail`() {
        let throttle = throttle(source: .init(failureCountMax: 4, refillMilliseconds: 3_000))
        for name in ["a", "b"] {
            _ = throttle.admit(account: name, source: 1, now: Self.start)
            #expect(throttle.judge(client: name, isRight: false, source: 1, now: Self.start) == .refused)
        }
        #expect(throttle.admit(account: "c", source: 1, now: Self.start) == .wait(seconds: 3))
        #expect(throttle.judge(client: "c", isRight: false, source: 1, now: Self.start) == .wait(seconds: 3))
        guard case .allowed(let attempt) = throttle.admit(account: "c", source: 1, now: Self.start + 3_000) else {
            Issue.record("refused")
            return
        }
        #expect(attempt.lane == .other(lastFailure: Self.start))
    }
}
