@testable import App
@testable import Keys
import Platform
import Testing
import Tokens

@Suite("How long keys sign and verify by schedule")
struct KeyTimesTests {
    @Test func `a retired access key outlives a token of the longest lifetime under the largest leeway`() throws {
        let longest = try Configuration(
            environment: ["MARTLET_ACCESS_TTL": "1h", "MARTLET_LEEWAY": "60s", "MARTLET_REFRESH_IDLE": "2h"], cores: 1)
        let authState = longest.tokens.auth
        let retention = KeyRetention(refreshIdle: authState.refreshIdle)
        #expect(retention.keep(.access) == (authState.accessLifetime + authState.leeway) * 1_000)
        #expect(retention.keep(.access) == 3_660_000)
        #expect(retention.keep(.refresh) == 7_260_000)
        for (name, value, range) in [
            ("MARTLET_ACCESS_TTL", "3601s", "30s to 1h"), ("MARTLET_LEEWAY", "61s", "0s to 60s"),
        ] {
            let mistake = "\(name): «\(value)» is not a time such as 90s, 10m, 12h or 14d, from \(range)"
            #expect(throws: ConfigurationError(mistakes: [mistake])) {
                try Configuration(environment: [name: value], cores: 1)
            }
        }
    }

    @Test func `a successor is due one lead before its time, so that it signs when the period is over`() throws {
        let (begin, period, lead): (UnixMilliseconds, Int64, Int64) = (1_800_000_000_000, 86_400_000, 900_000)
        let schedule = KeySchedule(period: period, lead: lead, retention: KeyRetention(refreshIdle: 3_600))
        let old = try Key.generate(.es256, purpose: .access, createdAt: begin)
        let set = KeySet([old])
        #expect(schedule.due(set, at: begin.adding(milliseconds: period - lead - 1)).isEmpty)
        #expect(schedule.due(set, at: begin.adding(milliseconds: period - lead)).map(\.kid) == [old.kid])
        let changed = try schedule.rotation(set, at: begin.adding(milliseconds: period - lead))
        #expect(changed.map(\.lifecycle.signsFrom) == [begin.adding(milliseconds: period), nil])
        #expect(changed.last?.lifecycle.signsUntil == begin.adding(milliseconds: period))
        #expect(schedule.due(KeySet(changed), at: begin.adding(milliseconds: period - lead)).isEmpty)
    }
}
