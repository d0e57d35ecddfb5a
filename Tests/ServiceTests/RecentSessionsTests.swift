import Encoding
import Platform
@testable import Service
import Testing

@Suite("The sessions that began here last")
struct RecentSessionsTests {
    private let alice = UUID(high: 1, low: 1)
    private let bob = UUID(high: 2, low: 2)
    private let recent = RecentSessions(from: 1_000)

    private func sid(_ milliseconds: UnixMilliseconds) -> UUID {
        UUID(high: UUID.version7High(milliseconds: milliseconds), low: 5)
    }

    @Test func `those that began with the old account after the change are late`() {
        recent.note(sid(1_900), of: alice, sessionsFrom: 0, hasDevice: false)
        recent.note(sid(2_000), of: alice, sessionsFrom: 0, hasDevice: false)
        recent.note(sid(2_010), of: alice, sessionsFrom: 2_000, hasDevice: false)
        recent.note(sid(2_020), of: bob, sessionsFrom: 0, hasDevice: true)
        #expect(recent.late([alice: 2_000]) == [alice: .sessions([sid(2_000)])])
        #expect(recent.late([alice: 2_000, bob: 2_020]) == [alice: .sessions([sid(2_000)]), bob: .unknown])
        #expect(recent.late([bob: 2_021]) == [bob: .sessions([])])
    }

    @Test func `a change from before this process is not known completely`() {
        #expect(recent.late([alice: 999]) == [alice: .unknown])
        #expect(recent.late([alice: 1_000]) == [alice: .sessions([])])
    }

    @Test func `only the newest are kept, and the others count as unknown`() {
        for number in 0..<70_000 {
            recent.note(sid(UnixMilliseconds(2_000 + Int64(number))), of: bob, sessionsFrom: 0, hasDevice: false)
        }
        #expect(recent.late([alice: 2_000]) == [alice: .unknown])
        let last = UnixMilliseconds(2_000 + 69_999)
        #expect(recent.late([bob: last]) == [bob: .sessions([sid(last)])])
    }
}
