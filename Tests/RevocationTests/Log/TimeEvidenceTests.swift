import Platform
@testable import Revocation
import Testing

@Suite("Evidence that time has passed")
struct TimeEvidenceTests {
    private let start: UnixMilliseconds = 1_800_000_000_000
    private let hour: Int64 = 3_600_000

    private var evidence: TimeEvidence { TimeEvidence(lastTime: start, wall: start, monotonic: 0) }

    @Test func `the wall clock is believed after an hour beside the monotonic one`() {
        var evidence = evidence
        #expect(
            evidence.observe(wall: start.adding(milliseconds: hour - 1), monotonic: hour - 1)
                == start.adding(milliseconds: -TimeEvidence.certainty))
        #expect(
            evidence.observe(wall: start.adding(milliseconds: hour), monotonic: hour)
                == start.adding(milliseconds: hour))
        #expect(
            evidence.observe(wall: start.adding(milliseconds: 2 * hour), monotonic: 2 * hour)
                == start.adding(milliseconds: 2 * hour))
    }

    @Test func `a jump proves nothing until it has lasted an hour`() {
        var evidence = evidence
        _ = evidence.observe(wall: start.adding(milliseconds: hour), monotonic: hour)
        #expect(
            evidence.observe(wall: start.adding(milliseconds: day), monotonic: hour + 1)
                == start.adding(milliseconds: hour))
        #expect(
            evidence.observe(wall: start.adding(milliseconds: day + hour - 1), monotonic: 2 * hour)
                == start.adding(milliseconds: hour))
        #expect(
            evidence.observe(wall: start.adding(milliseconds: 2 * hour), monotonic: 2 * hour)
                == start.adding(milliseconds: hour))
    }

    @Test func `a clock that was wrong at the start is believed an hour after it was set`() {
        var evidence = TimeEvidence(lastTime: start, wall: 0, monotonic: 0)
        #expect(evidence.observe(wall: start, monotonic: 10) < 0)
        #expect(
            evidence.observe(wall: start.adding(milliseconds: hour), monotonic: hour + 10)
                == start.adding(milliseconds: hour))
    }

    @Test(arguments: [day, -day])
    func `of two clocks a jump apart the slower counts for a week`(_ jump: Int64) {
        var evidence = evidence
        _ = evidence.observe(wall: start.adding(milliseconds: hour), monotonic: hour)
        _ = evidence.observe(wall: start.adding(milliseconds: jump + hour), monotonic: hour)
        let slower = start.adding(milliseconds: min(jump, 0))
        let proven = evidence.observe(wall: start.adding(milliseconds: jump + 3 * hour), monotonic: 3 * hour)
        // What was certain stays certain, but never later than the clock says.
        #expect(proven == (jump > 0 ? start.adding(milliseconds: 3 * hour) : slower.adding(milliseconds: 3 * hour)))
        #expect(
            evidence.observe(wall: start.adding(milliseconds: jump + 7 * day), monotonic: 7 * day)
                == slower.adding(milliseconds: 7 * day))
        let later = start.adding(milliseconds: jump + 8 * day)
        #expect(evidence.observe(wall: later, monotonic: 8 * day) == later)
    }

    @Test func `a clock that goes forth and back again and again is believed where it was slowest`() {
        var evidence = evidence
        var monotonic = hour
        for turn in 0..<100 as Range<Int64> {
            _ = evidence.observe(wall: start.adding(milliseconds: monotonic), monotonic: monotonic)
            _ = evidence.observe(wall: start.adding(milliseconds: monotonic + turn * 100_000), monotonic: monotonic + 1)
            monotonic += 60_000
        }
        let ahead = start.adding(milliseconds: monotonic + day)
        _ = evidence.observe(wall: ahead, monotonic: monotonic)
        let believed = evidence.observe(wall: ahead.adding(milliseconds: hour), monotonic: monotonic + hour)
        #expect(believed == start.adding(milliseconds: monotonic + hour))
    }

    @Test func `nothing is later than the wall clock says`() {
        var evidence = evidence
        _ = evidence.observe(wall: start.adding(milliseconds: hour), monotonic: hour)
        #expect(evidence.observe(wall: start, monotonic: hour + 1) == start)
    }

    @Test func `a start forgets what expired a week before both clocks`() {
        var evidence = TimeEvidence(lastTime: start, wall: start.adding(milliseconds: 30 * day), monotonic: 0)
        #expect(
            evidence.observe(wall: start.adding(milliseconds: 30 * day), monotonic: 0)
                == start.adding(milliseconds: -7 * day))
    }
}
