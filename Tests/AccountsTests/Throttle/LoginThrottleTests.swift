import Testing

@testable import Accounts

@Suite("Guesses are slowed by account and by source, F4 and F5")
struct LoginThrottleTests {
    private static let start: Int64 = 1_800_000_000_000

    private func throttle(
        account: LoginThrottle.Limit = .init(failureCountMax: 3, refillMilliseconds: 10_000),
        source: LoginThrottle.Limit = .off, entryCountMax: Int = 1_024
    ) -> LoginThrottle {
        LoginThrottle(account: account, source: source, entryCountMax: entryCountMax, key: (1, 2))
    }

    /// How many of `count` attempts in a row are let through and fail.
    private func guess(
        _ throttle: LoginThrottle, _ account: String, source: UInt64, times count: Int, at now: Int64 = start
    ) -> Int {
        (0..<count).count { _ in
            if case .allowed = throttle.admit(account: account, source: source, now: now) { true } else { false }
        }
    }

    private func attempt(_ verdict: LoginThrottle.Verdict) throws -> LoginThrottle.Attempt {
        guard case .allowed(let attempt) = verdict else {
            Issue.record("refused: \(verdict)")
            throw CancellationError()
        }
        return attempt
    }

    @Test func `an account has so many failures, from wherever they come`() {
        let throttle = throttle()
        #expect(guess(throttle, "alice", source: 1, times: 2) == 2)
        #expect(guess(throttle, "alice", source: 2, times: 5) == 1)
        #expect(guess(throttle, "bob", source: 2, times: 5) == 3)
    }

    @Test func `F5: the wait is what remains until the next refill, in whole seconds`() {
        let throttle = throttle()
        #expect(guess(throttle, "alice", source: 1, times: 3) == 3)
        #expect(throttle.admit(account: "alice", source: 1, now: Self.start) == .wait(seconds: 10))
        #expect(throttle.admit(account: "alice", source: 1, now: Self.start + 9_001) == .wait(seconds: 1))
        #expect(throttle.admit(account: "alice", source: 1, now: Self.start + 9_999) == .wait(seconds: 1))
        #expect(guess(throttle, "alice", source: 1, times: 2, at: Self.start + 10_000) == 1)
        #expect(guess(throttle, "alice", source: 1, times: 9, at: Self.start + 60_000) == 3)
    }

    @Test func `a source has so many failures over all accounts`() {
        let throttle = throttle(account: .off, source: .init(failureCountMax: 5, refillMilliseconds: 3_000))
        let admitted = (0..<20).count { guess(throttle, "user \($0)", source: 7, times: 1) == 1 }
        #expect(admitted == 5)
        #expect(guess(throttle, "user 0", source: 8, times: 1) == 1)
    }

    @Test func `attempts under way count, so that a burst is no way around`() throws {
        let throttle = throttle()
        let first = try attempt(throttle.admit(account: "alice", source: 1, now: Self.start))
        #expect(guess(throttle, "alice", source: 1, times: 100) == 2)
        throttle.withdraw(first)
        #expect(guess(throttle, "alice", source: 1, times: 100) == 1)
    }

    @Test func `only failures count`() throws {
        let throttle = throttle(source: .init(failureCountMax: 3, refillMilliseconds: 10_000))
        for _ in 0..<100 {
            throttle.recordSuccess(
                try attempt(throttle.admit(account: "alice", source: 1, now: Self.start)), now: Self.start)
        }
        #expect(guess(throttle, "alice", source: 1, times: 9) == 3)
    }

    @Test func `success gives the account its failures back, but not the source`() throws {
        let throttle = throttle(source: .init(failureCountMax: 4, refillMilliseconds: 10_000))
        #expect(guess(throttle, "alice", source: 1, times: 2) == 2)
        throttle.recordSuccess(
            try attempt(throttle.admit(account: "alice", source: 1, now: Self.start)), now: Self.start)
        #expect(guess(throttle, "alice", source: 1, times: 9) == 2)
        #expect(guess(throttle, "alice", source: 2, times: 9) == 3)
    }

    @Test func `F4: a refused attempt does not prolong the wait`() {
        let throttle = throttle()
        for _ in 0..<1_000 { _ = throttle.admit(account: "alice", source: 1, now: Self.start) }
        #expect(guess(throttle, "alice", source: 1, times: 1, at: Self.start + 10_000) == 1)
    }

    @Test func `F4: strangers' guesses do not lock out a source that has logged in before`() throws {
        let throttle = throttle()
        throttle.recordSuccess(
            try attempt(throttle.admit(account: "alice", source: 1, now: Self.start)), now: Self.start)
        #expect(guess(throttle, "alice", source: 666, times: 100) == 3)
        #expect(guess(throttle, "alice", source: 1, times: 100) == 3)
        #expect(guess(throttle, "alice", source: 2, times: 100) == 0)
    }

    @Test func `a client has no bucket of its own, an end user of a client has`() {
        let throttle = throttle(account: .off, source: .init(failureCountMax: 2, refillMilliseconds: 10_000))
        func admitted(_ source: LoginThrottle.Source) -> Int {
            (0..<5).count { name in
                throttle.admit(account: "user \(name)", from: source, now: Self.start) != .wait(seconds: 10)
            }
        }
        #expect(admitted(.client("shop")) == 5)
        #expect(admitted(.endUser(7, client: "shop")) == 2)
        // One client's users use up no other's, nor those of the address itself.
        #expect(admitted(.endUser(7, client: "bank")) == 2)
        #expect(admitted(.endUser(8, client: "shop")) == 2)
        #expect(admitted(.address(7)) == 2)
    }

    @Test func `an account is limited through a client as well, and a good login makes the client known`() throws {
        let throttle = throttle()
        func guess(_ source: LoginThrottle.Source) -> Int {
            (0..<9).count { _ in
                if case .allowed = throttle.admit(account: "alice", from: source, now: Self.start) {
                    true
                } else {
                    false
                }
            }
        }
        throttle.recordSuccess(
            try attempt(throttle.admit(account: "alice", from: .client("shop"), now: Self.start)), now: Self.start)
        #expect(guess(.address(666)) == 3)
        #expect(guess(.client("shop")) == 3)
        #expect(guess(.client("bank")) == 0)
    }

    @Test func `one name has one bucket, however it is composed`() {
        let throttle = throttle()
        #expect(guess(throttle, "caf\u{E9}", source: 1, times: 3) == 3)
        #expect(guess(throttle, "cafe\u{301}", source: 1, times: 3) == 0)
    }

    @Test func `0 is off`() {
        let throttle = throttle(account: .off, source: .init(failureCountMax: 5, refillMilliseconds: 0))
        #expect(guess(throttle, "alice", source: 1, times: 10_000) == 10_000)
    }

    @Test func `a clock that jumps keeps nobody out for longer than an empty bucket does`() {
        let throttle = throttle()
        #expect(guess(throttle, "alice", source: 1, times: 3, at: Self.start + 1_000_000_000) == 3)
        #expect(throttle.admit(account: "alice", source: 1, now: Self.start) == .wait(seconds: 10))
        #expect(throttle.admit(account: "alice", source: 1, now: .min) == .wait(seconds: 10))
        #expect(guess(throttle, "bob", source: 1, times: 9, at: .max) >= 3)
    }

    @Test func `a flood of names does not free the account that was guessed at`() {
        let throttle = throttle(entryCountMax: 64)
        #expect(guess(throttle, "alice", source: 1, times: 3) == 3)
        for name in 0..<5_000 { _ = throttle.admit(account: "\(name)", source: 1, now: Self.start) }
        #expect(guess(throttle, "alice", source: 1, times: 3) == 0)
    }
}

@Suite("A bounded table of keyed hashes")
struct KeyedTableTests {
    @Test func `keeps, replaces and removes`() {
        var table = KeyedTable(entryCountMax: 100)
        #expect(table[0] == nil)
        table[0] = 5
        table[7] = 6
        table[7] = 8
        #expect(table[0] == 5 && table[1] == 5, "0 and 1 share an entry")
        #expect(table[7] == 8)
        table[7] = nil
        #expect(table[7] == nil)
        #expect(table.capacity == 128)
    }

    @Test func `the smallest stamp of a full set gives way, and there are never more entries`() {
        var table = KeyedTable(entryCountMax: 8)
        for key in UInt64(1)...8 { table[key] = Int64(key) * 10 }
        table[9] = 5
        #expect(table[1] == nil && table[9] == 5)
        table[10] = 100
        #expect(table[9] == nil && table[2] == 20)
        #expect((UInt64(1)...1_000).count { table[$0] != nil } == 8)
    }

    @Test(arguments: [Int.min, -1, 0, 1, 65_536, Int.max])
    func `any size makes a table`(_ count: Int) {
        let table = KeyedTable(entryCountMax: count)
        #expect(table.capacity >= 8 && table.capacity <= 1 << 24 && table[3] == nil)
    }
}
