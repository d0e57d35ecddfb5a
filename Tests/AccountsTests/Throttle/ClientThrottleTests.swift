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
            throttle.judge("shop", isRight: false, source: 1, now: Self.start)
        }
        #expect(verdicts.prefix(3).allSatisfy { $0 == .refused })
        #expect(verdicts.dropFirst(3).allSatisfy { $0 == .wait(seconds: 10) })
        #expect(throttle.judge("shop", isRight: false, source: 1, now: Self.start + 10_000) == .refused)
        #expect(throttle.judge("bank", isRight: false, source: 1, now: Self.start) == .refused)
    }

    @Test func `a limited source that is not known learns nothing about a secret`() {
        let throttle = throttle()
        for _ in 0..<3 { _ = throttle.judge("shop", isRight: false, source: 1, now: Self.start) }
        let right = throttle.judge("shop", isRight: true, source: 1, now: Self.start)
        #expect(right == throttle.judge("shop", isRight: false, source: 1, now: Self.start))
        #expect(right == .wait(seconds: 10))
        #expect(throttle.judge("shop", isRight: true, source: 1, now: Self.start + 10_000) == .accepted)
    }

    @Test func `a right secret from a source that used it before is always accepted`() {
        let throttle = throttle(source: .init(failureCountMax: 5, refillMilliseconds: 3_000))
        #expect(throttle.judge("shop", isRight: true, source: 1, now: Self.start) == .accepted)
        for number in 0..<100 {
            _ = throttle.judge("shop", isRight: false, source: 1, now: Self.start)
            _ = throttle.judge("guess \(number)", isRight: false, source: 1, now: Self.start)
            #expect(throttle.judge("shop", isRight: true, source: 1, now: Self.start) == .accepted)
        }
        // It does not give the guesses of others at the same address back.
        #expect(throttle.judge("shop", isRight: false, source: 1, now: Self.start) == .wait(seconds: 10))
        // The source is known for this client only.
        #expect(throttle.judge("bank", isRight: true, source: 1, now: Self.start) == .wait(seconds: 3))
    }

    @Test func `guesses from elsewhere do not stop a client at a new address`() {
        let throttle = throttle()
        for source in UInt64(10)..<500 {
            #expect(throttle.judge("shop", isRight: false, source: source, now: Self.start) == .refused)
        }
        #expect(throttle.judge("shop", isRight: true, source: 1, now: Self.start) == .accepted)
    }

    @Test func `one machine with an old secret does not stop the clients that share its address`() {
        let throttle = throttle(source: .init(failureCountMax: 5, refillMilliseconds: 3_000))
        for second in Int64(0)..<3_600 {
            _ = throttle.judge("old", isRight: false, source: 1, now: Self.start + second * 1_000)
        }
        #expect(throttle.judge("shop", isRight: true, source: 1, now: Self.start + 3_600_000) == .accepted)
    }

    @Test func `passwords and secrets are guessed from one bucket of the source, and make it fail`() {
        let throttle = throttle(source: .init(failureCountMax: 4, refillMilliseconds: 3_000))
        for name in ["a", "b"] {
            _ = throttle.admit(account: name, source: 1, now: Self.start)
            #expect(throttle.judge(name, isRight: false, source: 1, now: Self.start) == .refused)
        }
        #expect(throttle.admit(account: "c", source: 1, now: Self.start) == .wait(seconds: 3))
        #expect(throttle.judge("c", isRight: false, source: 1, now: Self.start) == .wait(seconds: 3))
        guard case .allowed(let attempt) = throttle.admit(account: "c", source: 1, now: Self.start + 3_000) else {
            Issue.record("refused")
            return
        }
        #expect(attempt.lane == .other(lastFailure: Self.start))
    }

    @Test func `the same wrong secret counts once, for ever, also between others and while the source is limited`() {
        let throttle = throttle(source: .init(failureCountMax: 5, refillMilliseconds: 3_000))
        func old(_ client: String = "shop", _ secret: String = "old", source: UInt64 = 1) -> LoginThrottle.ClientVerdict
        {
            throttle.judge(client, secret: secret, isRight: false, source: source, now: Self.start)
        }
        for _ in 0..<200 { #expect(old() == .refused) }
        // It leaves two more for this client, and the lane of its neighbors' logins is as it was after the first.
        #expect(old("shop", "b") == .refused && old("shop", "c") == .refused && old("shop", "d") == .wait(seconds: 10))
        #expect(old() == .refused && old("shop", "b") == .refused)
        #expect(throttle.judge("shop", isRight: true, source: 1, now: Self.start) == .wait(seconds: 10))
        // One that was not looked at is not known to be wrong.
        #expect(old("shop", "d") == .wait(seconds: 10))
        // What is known of one client and one source is not known of others.
        #expect(old("bank") == .refused && old("bank", "b") == .refused && old("mint") == .wait(seconds: 3))
        #expect(old(source: 2) == .refused)
    }

    @Test func `a known wrong secret that becomes right is right`() {
        let throttle = throttle()
        #expect(throttle.judge("shop", secret: "next", isRight: false, source: 1, now: Self.start) == .refused)
        #expect(throttle.judge("shop", secret: "next", isRight: true, source: 1, now: Self.start) == .accepted)
    }

    @Test func `a repeated wrong secret does not make the source fail again`() {
        let throttle = throttle(source: .init(failureCountMax: 5, refillMilliseconds: 3_000))
        for second in Int64(0)..<60 {
            _ = throttle.judge("shop", secret: "old", isRight: false, source: 1, now: Self.start + second * 1_000)
        }
        guard case .allowed(let attempt) = throttle.admit(account: "amy", source: 1, now: Self.start + 60_000) else {
            Issue.record("rejected")
            return
        }
        #expect(attempt.lane == .other(lastFailure: Self.start))
    }

    @Test func `the memory of wrong secrets is bounded, and forgetting one costs an attempt`() {
        let throttle = LoginThrottle(
            account: .init(failureCountMax: 1_000, refillMilliseconds: 10_000), source: .off, entryCountMax: 8,
            key: (1, 2))
        func send(_ secret: String, at second: Int64) -> LoginThrottle.ClientVerdict {
            throttle.judge("shop", secret: secret, isRight: false, source: 1, now: Self.start + second * 1_000)
        }
        for number in 0..<100 { #expect(send("\(number)", at: Int64(number)) == .refused) }
        #expect(throttle.state.withLock { $0.wrongSecrets.capacity } == 8)
        let before = throttle.state.withLock { $0.guessed }
        #expect(send("99", at: 100) == .refused)
        #expect(
            throttle.state.withLock { $0.guessed }.table[throttle.fingerprint(.client, "shop", 1)]
                == before.table[throttle.fingerprint(.client, "shop", 1)])
        #expect(send("0", at: 101) == .refused)
        #expect(
            throttle.state.withLock { $0.guessed }.table[throttle.fingerprint(.client, "shop", 1)]
                != before.table[throttle.fingerprint(.client, "shop", 1)])
    }
}

extension LoginThrottle {
    /// - Parameter secret: if nil, one that was never sent before.
    fileprivate func judge(
        _ client: String, secret: String? = nil, isRight: Bool, source: UInt64, now: Int64
    ) -> ClientVerdict {
        let secret = Array((secret ?? "\(UInt64.random(in: .min ... .max))").utf8)
        return judge(client: client, secret: secret.span, isRight: isRight, source: source, now: now)
    }
}
