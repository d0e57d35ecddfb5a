import Encoding
import Platform
@testable import Revocation
import Testing

@Suite("A session that ends while its rotation is being written")
struct ForgottenSessionTests {
    private static let end: UnixMilliseconds = 1_800_000_000_000

    private func rotate(
        _ sessions: Sessions, _ sid: UUID, _ generation: UInt32, meanwhile: () -> Void = {}
    ) -> RotationOutcome? {
        let request = RotationRequest(sid: sid, generation: generation, request: 1, sessionEnd: Self.end)
        let action = sessions.present(request, now: 5, grace: 0, joining: { _ in })
        #expect(action == .commit(generation: generation + 1))
        meanwhile()
        let position = LedgerPosition(epoch: 1, seq: UInt64(generation) + 1)
        let settlement = sessions.settle(request, .success(.advanced(position, at: 5)), head: position, grace: 0)
        guard case .outcomes(let winner, _) = settlement.decision else { return nil }
        return winner
    }

    @Test func `the response has the generation of the record`() {
        let sessions = Sessions(key: FingerprintKey(random: { 7 }))
        let sid = UUID(high: 1, low: 1)
        #expect(rotate(sessions, sid, 0) == .rotated(generation: 1, at: 5, seq: 1))
        let outcome = rotate(sessions, sid, 1) {
            // The clock is set ahead.
            sessions.purge(expiredAt: Self.end.adding(milliseconds: 30 * 86_400_000))
            #expect(sessions.count == 0)
        }
        #expect(outcome == .rotated(generation: 2, at: 5, seq: 2))
        #expect(sessions.generation(of: sid) == 2)
    }
}
