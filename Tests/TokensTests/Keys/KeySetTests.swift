@testable import JOSE
@testable import Keys
import Platform
import Testing
@testable import Tokens

@Suite("A set of keys and its steps (C9, B14)")
struct KeySetTests {
    static let now: UnixMilliseconds = 1_800_000_000_000
    static let hour: Int64 = 3_600_000

    static func made(_ algorithm: Algorithm, _ purpose: Key.Purpose = .access, age: Int64 = 0) -> Key {
        do {
            return try Key.generate(algorithm, purpose: purpose, createdAt: now.adding(milliseconds: -age))
        } catch {
            preconditionFailure("\(error)")
        }
    }

    let old = Self.made(.hs256, age: 24 * Self.hour)
    let new = Self.made(.hs256)
    let refresh = Self.made(.hs256, .refresh)
    let set: KeySet

    init() { set = KeySet([old, refresh]) }

    private func keep(_ purpose: Key.Purpose) -> Int64 { purpose == .access ? Self.hour : 24 * Self.hour }

    private func states(_ set: KeySet, at time: UnixMilliseconds) -> [String: KeyState] {
        Dictionary(uniqueKeysWithValues: set.keys.map { ($0.kid, set.state(of: $0, at: time)) })
    }

    private func after(_ changed: [Key], _ before: KeySet) -> KeySet {
        KeySet(before.keys.filter { key in !changed.contains { $0.kid == key.kid } } + changed)
    }

    private func rotated(lead: Int64 = 900_000) throws -> KeySet {
        after(try set.rotation(to: new, at: Self.now, lead: lead, keep: keep), set)
    }

    @Test func `a rotation publishes at once, signs after the lead, and keeps the old until its last token is over`()
        throws
    {
        let changed = try set.rotation(to: new, at: Self.now, lead: 900_000, keep: keep)
        #expect(changed.map(\.kid) == [new.kid, old.kid])
        let set = after(changed, set)
        let begin = Self.now.adding(milliseconds: 900_000)
        for (time, oldState, newState) in [
            (Self.now, KeyState.signing, KeyState.published), (begin.adding(milliseconds: -1), .signing, .published),
            (begin, .verifying, .signing), (begin.adding(milliseconds: Self.hour - 1), .verifying, .signing),
            (begin.adding(milliseconds: Self.hour), .retired, .signing),
            (begin.adding(milliseconds: 900 * Self.hour), .retired, .signing),
        ] {
            #expect(
                states(set, at: time) == [old.kid: oldState, new.kid: newState, refresh.kid: .signing], "at \(time)")
        }
        #expect(
            set.nextEnd(after: Self.now) == begin.adding(milliseconds: Self.hour)
                && set.nextEnd(after: begin.adding(milliseconds: Self.hour)) == nil)
        #expect(set.living(at: begin.adding(milliseconds: Self.hour)).map(\.kid) == [refresh.kid, new.kid])
    }

    @Test(arguments: [0, 1, 999, 1_000, 1_001] as [Int64])
    func `begins on a whole second, as the file keeps it, and never before the lead is over`(_ odd: Int64) throws {
        let key = try set.rotation(to: new, at: Self.now.adding(milliseconds: odd), lead: 2_000, keep: keep)[0]
        let begin = try #require(key.lifecycle.signsFrom)
        #expect(
            begin == begin.seconds.milliseconds && begin >= Self.now.adding(milliseconds: odd + 2_000)
                && begin < Self.now.adding(milliseconds: odd + 3_000))
        let stored = try key.privateJWK()
        #expect(try Key(parsing: stored.span).lifecycle == key.lifecycle)
    }

    @Test func `a second rotation waits for the first`() throws {
        let set = try rotated()
        #expect(throws: KeyStepError.pending(kid: new.kid)) {
            try set.rotation(to: Self.made(.hs256), at: Self.now, lead: 0, keep: keep)
        }
        #expect(throws: Never.self) {
            try set.rotation(to: Self.made(.hs256), at: Self.now.adding(milliseconds: Self.hour), lead: 0, keep: keep)
        }
    }

    @Test func `kinds do not touch each other`() throws {
        let changed = try set.rotation(to: Self.made(.hs256, .refresh), at: Self.now, lead: 0, keep: keep)
        #expect(changed.count == 2 && changed.allSatisfy { $0.purpose == .refresh })
        #expect(changed[1].lifecycle.verifiesUntil == Self.now.adding(milliseconds: 24 * Self.hour))
    }

    @Test func `promotion has a published key sign before its time, one second ahead`() throws {
        let before = try rotated()
        let set = after(try before.promotion(of: new.kid, at: Self.now.adding(milliseconds: 5), keep: keep), before)
        let begin = Self.now.adding(milliseconds: 2_000)
        #expect(
            states(set, at: begin.adding(milliseconds: -1))[old.kid] == .signing
                && states(set, at: begin)[new.kid] == .signing)
        #expect(set.key(old.kid)?.lifecycle.verifiesUntil == begin.adding(milliseconds: Self.hour))
    }

    @Test func `promotion takes a rotation back`() throws {
        let before = try rotated(lead: 0)
        let set = after(
            try before.promotion(of: old.kid, at: Self.now.adding(milliseconds: 60_000), keep: keep), before)
        let later = Self.now.adding(milliseconds: 62_000)
        #expect(states(set, at: later) == [old.kid: .signing, new.kid: .verifying, refresh.kid: .signing])
        #expect(states(set, at: later.adding(milliseconds: 9 * Self.hour))[new.kid] == .retired)
    }

    @Test func `what is over or unknown cannot be promoted or retired`() throws {
        let set = try rotated(lead: 0)
        let later = Self.now.adding(milliseconds: 2 * Self.hour)
        #expect(throws: KeyStepError.isOver(kid: old.kid, .retired)) {
            try set.promotion(of: old.kid, at: later, keep: keep)
        }
        #expect(throws: KeyStepError.isOver(kid: old.kid, .retired)) {
            try set.retirement(of: old.kid, at: later, keep: keep)
        }
        #expect(throws: KeyStepError.unknown(kid: "x")) { try set.promotion(of: "x", at: later, keep: keep) }
    }

    @Test func `the last signer goes only when told so, the last refresh secret never`() throws {
        #expect(throws: KeyStepError.lastSigner(kid: old.kid, .hs256)) {
            try set.retirement(of: old.kid, at: Self.now, keep: keep)
        }
        #expect(throws: KeyStepError.lastSigner(kid: refresh.kid, .hs256)) {
            try set.retirement(of: refresh.kid, at: Self.now, keep: keep, last: true)
        }
        let without = after(try set.retirement(of: old.kid, at: Self.now, keep: keep, last: true), set)
        #expect(states(without, at: Self.now)[old.kid] == .verifying)
        #expect(states(without, at: Self.now.adding(milliseconds: Self.hour))[old.kid] == .retired)
    }

    @Test func `a successor that is retired before it signed gives way to the key before it`() throws {
        let before = try rotated()
        let set = after(try before.retirement(of: new.kid, at: Self.now, keep: keep), before)
        for later in [
            Self.now, Self.now.adding(milliseconds: Self.hour), Self.now.adding(milliseconds: 9_000 * Self.hour),
        ] {
            #expect(states(set, at: later)[old.kid] == .signing)
        }
    }

    @Test func `a compromised key counts no more, whatever the clock says, and is replaced at once`() throws {
        let spare = Self.made(.hs256)
        let changed = try set.compromise(of: old.kid, at: Self.now.adding(milliseconds: 5)) { _, _ in spare }
        #expect(changed.map(\.kid) == [spare.kid, old.kid])
        let set = after(changed, set)
        for time in [
            Self.now.adding(milliseconds: -9_000 * Self.hour), Self.now,
            Self.now.adding(milliseconds: 9_000 * Self.hour),
        ] {
            #expect(states(set, at: time)[old.kid] == .compromised)
            #expect(!set.living(at: time).contains { $0.kid == old.kid })
        }
        #expect(states(set, at: Self.now)[spare.kid] == .signing && set.compromised.map(\.kid) == [old.kid])
        let again = try set.compromise(of: old.kid, at: Self.now.adding(milliseconds: Self.hour)) { _, _ in spare }
        #expect(again.map(\.lifecycle) == [changed[1].lifecycle])
    }

    @Test func `a published successor signs at once in the place of a compromised key`() throws {
        let before = try rotated()
        let set = after(try before.compromise(of: old.kid, at: Self.now) { _, _ in Self.made(.hs256) }, before)
        #expect(states(set, at: Self.now) == [old.kid: .compromised, new.kid: .signing, refresh.kid: .signing])
    }

    @Test func `a compromised successor gives way to the key before it`() throws {
        let before = try rotated()
        let set = after(try before.compromise(of: new.kid, at: Self.now) { _, _ in Self.made(.hs256) }, before)
        #expect(states(set, at: Self.now.adding(milliseconds: 9 * Self.hour))[old.kid] == .signing)
    }

    @Test func `an old key that is compromised needs no replacement`() throws {
        let before = try rotated(lead: 0)
        let changed = try before.compromise(of: old.kid, at: Self.now) { _, _ in Self.made(.hs256) }
        #expect(changed.map(\.kid) == [old.kid])
    }

    @Test func `times at the end of the number line do not trap`() throws {
        #expect(throws: Never.self) {
            try set.rotation(to: new, at: UnixMilliseconds(.max - 1), lead: .max, keep: { _ in .max })
        }
    }
}
