import Encoding
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

    private func isKnown(_ lane: HashingLane?) -> Bool {
        if case .knownLogin? = lane { true } else { false }
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
        #expect(guess(throttle, "bob", source: 1, times: 9) == 2)
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

    @Test func `guesses at other accounts from the same address do not stop a known pair`() throws {
        let throttle = throttle(source: .init(failureCountMax: 3, refillMilliseconds: 10_000))
        for name in ["alice", "bob"] {
            throttle.recordSuccess(
                try attempt(throttle.admit(account: name, source: 1, now: Self.start)), now: Self.start)
        }
        #expect((0..<9).count { guess(throttle, "user \($0)", source: 1, times: 1) == 1 } == 3)
        #expect(guess(throttle, "alice", source: 1, times: 9) == 3)
        #expect(guess(throttle, "bob", source: 1, times: 9) == 0, "known pairs of a source are limited together")
    }

    @Test func `a device has its own failures, and takes none from the account, the address or another device`() throws
    {
        let throttle = throttle(source: .init(failureCountMax: 3, refillMilliseconds: 10_000))
        func guess(_ device: UUID?, _ source: UInt64 = 1) -> Int {
            (0..<9).count { _ in
                let verdict = throttle.admit(account: "alice", from: .address(source), device: device, now: Self.start)
                guard case .allowed(let attempt) = verdict else { return false }
                throttle.recordFailure(attempt, now: Self.start)
                return true
            }
        }
        let (phone, stolen) = (UUID(high: 1, low: 2), UUID(high: 1, low: 3))
        #expect(guess(stolen) == 3 && guess(stolen, 2) == 0)
        #expect(guess(phone) == 3)
        #expect(throttle.lane("alice", 1) == .other(lastFailure: nil))
        #expect(guess(nil) == 3 && guess(UUID(high: 2, low: 2)) == 3, "an account that is guessed at stops no device")
    }

    @Test func `a known pair and a device have the first lane, every other login has its source's last failure`() throws
    {
        let throttle = throttle(account: .off)
        func fail(_ source: LoginThrottle.Source, at now: Int64) throws {
            throttle.recordFailure(try attempt(throttle.admit(account: "x", from: source, now: now)), now: now)
        }
        #expect(throttle.lane("alice", 5) == .other(lastFailure: nil))
        throttle.recordSuccess(
            try attempt(throttle.admit(account: "alice", source: 5, now: Self.start)), now: Self.start)
        #expect(isKnown(throttle.lane("alice", 5)))
        #expect(throttle.lane("bob", 5) == .other(lastFailure: nil))
        try fail(.address(5), at: Self.start + 1)
        #expect(isKnown(throttle.lane("alice", 5)) && throttle.lane("bob", 5) == .other(lastFailure: Self.start + 1))
        let device = throttle.admit(
            account: "bob", from: .address(5), device: UUID(high: 0, low: 1), now: Self.start)
        #expect(isKnown(try attempt(device).lane))
        // A client's own users have no address, and one client's say nothing about another's.
        try fail(.client("shop"), at: Self.start + 2)
        #expect(
            try attempt(throttle.admit(account: "bob", from: .client("shop"), now: 0)).lane == .other(lastFailure: nil))
        try fail(.endUser(5, client: "shop"), at: Self.start + 3)
        #expect(
            try attempt(throttle.admit(account: "bob", from: .endUser(5, client: "shop"), now: 0)).lane
                == .other(lastFailure: Self.start + 3))
        #expect(throttle.lane("bob", 5) == .other(lastFailure: Self.start + 1))
    }

    /// Numbers of addresses as requests have them: an IPv4 address, and the first half of an IPv6 address.
    @Test(
        arguments: [
            (0x1_c000_0205, 0x1_c000_02ff, 0x1_c000_0305),
            (0x2001_0db8_0000_ab05, 0x2001_0db8_0000_abff, 0x2001_0db8_0000_ac05),
        ] as [(UInt64, UInt64, UInt64)])
    func `a failure counts for the /24 and the /56 of its address`(failed: UInt64, near: UInt64, far: UInt64) throws {
        let throttle = throttle()
        throttle.recordFailure(
            try attempt(throttle.admit(account: "x", source: failed, now: Self.start)), now: Self.start)
        #expect(throttle.lane("alice", near) == .other(lastFailure: Self.start))
        #expect(throttle.lane("alice", far) == .other(lastFailure: nil))
        throttle.recordFailure(
            try attempt(throttle.admit(account: "y", source: near, now: Self.start)), now: Self.start + 9)
        #expect(throttle.lane("alice", failed) == .other(lastFailure: Self.start + 9))
    }

    @Test func `any number of names and sources stay within 16 MiB`() throws {
        let throttle = LoginThrottle(key: (1, 2))
        for number in UInt64(0)..<150_000 {
            let verdict = throttle.admit(account: "user \(number)", source: number << 8, now: Int64(number))
            throttle.recordFailure(try attempt(verdict), now: Int64(number))
            let secret = Array("secret \(number)".utf8)
            _ = throttle.judge(
                client: "client \(number)", secret: secret.span, isRight: false, source: number << 8, now: Int64(number)
            )
        }
        let tables = throttle.state.withLock {
            [
                $0.guessed.table, $0.sources.table, $0.known, $0.failures.addresses, $0.failures.networks,
                $0.wrongSecrets,
            ]
        }
        // An entry is a key and a stamp of 8 bytes each. Tables never grow.
        #expect(tables.map { $0.capacity * 16 }.reduce(0, +) == 6 << 20)
        // The flood has not made the address that logged in before forget it.
        throttle.recordSuccess(try attempt(throttle.admit(account: "alice", source: 1, now: 2_000_000)), now: 2_000_000)
        #expect(isKnown(throttle.lane("alice", 1)))
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

extension LoginThrottle {
    /// The lane of a login from an address.
    fileprivate func lane(_ account: String, _ source: UInt64) -> HashingLane? {
        guard case .allowed(let attempt) = admit(account: account, source: source, now: 1_800_000_000_000) else {
            return nil
        }
        withdraw(attempt)
        return attempt.lane
    }
}
