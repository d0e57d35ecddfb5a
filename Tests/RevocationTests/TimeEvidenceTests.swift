import Testing

@testable import Revocation

@Suite("Evidence that time has passed")
struct TimeEvidenceTests {
    private let start: Int64 = 1_800_000_000_000
    private let hour: Int64 = 3_600_000

    private var evidence: TimeEvidence { TimeEvidence(lastTime: start, wall: start, monotonic: 0) }

    @Test func `the wall clock is believed after an hour beside the monotonic one`() {
        var evidence = evidence
        #expect(evidence.observe(wall: start + hour - 1, monotonic: hour - 1) == start - TimeEvidence.certainty)
        #expect(evidence.observe(wall: start + hour, monotonic: hour) == start + hour)
        #expect(evidence.observe(wall: start + 2 * hour, monotonic: 2 * hour) == start + 2 * hour)
    }

    @Test func `a jump proves nothing until it has lasted an hour`() {
        var evidence = evidence
        _ = evidence.observe(wall: start + hour, monotonic: hour)
        #expect(evidence.observe(wall: start + day, monotonic: hour + 1) == start + hour)
        #expect(evidence.observe(wall: start + day + hour - 1, monotonic: 2 * hour) == start + hour)
        #expect(evidence.observe(wall: start + 2 * hour, monotonic: 2 * hour) == start + hour)
    }

    @Test func `a clock that was wrong at the start is believed an hour after it was set`() {
        var evidence = TimeEvidence(lastTime: start, wall: 0, monotonic: 0)
        #expect(evidence.observe(wall: start, monotonic: 10) < 0)
        #expect(evidence.observe(wall: start + hour, monotonic: hour + 10) == start + hour)
    }

    @Test func `nothing is later than the wall clock says`() {
        var evidence = evidence
        _ = evidence.observe(wall: start + hour, monotonic: hour)
        #expect(evidence.observe(wall: start, monotonic: hour + 1) == start)
    }

    @Test func `a start forgets what expired a week before both clocks`() {
        var evidence = TimeEvidence(lastTime: start, wall: start + 30 * day, monotonic: 0)
        #expect(evidence.observe(wall: start + 30 * day, monotonic: 0) == start - 7 * day)
    }
}
