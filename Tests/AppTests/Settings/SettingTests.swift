@testable import App
import Testing
import Tokens

@Suite("Setting")
struct SettingTests {
    @Test func `the accepted values are part of the summary and of the message about a mistake`() {
        func texts(_ kind: Setting.Kind, note: String? = nil) -> [String] {
            [Setting("MARTLET_X_Y", kind, default: "1", "meaning", note: note).summary, kind.expected]
        }
        #expect(texts(.text)[0] == "meaning" && texts(.list, note: "note")[0] == "meaning; note")
        #expect(texts(.path) == ["meaning", "a path"])
        #expect(texts(.choice(["a", "b", "c"])) == ["meaning: a, b or c", "a, b or c"])
        #expect(texts(.number(0...5)) == ["meaning, 0 to 5", "a whole number from 0 to 5"])
        #expect(texts(.number(0...5), note: "0 for none")[0] == "meaning, up to 5; 0 for none")
        #expect(texts(.number(1...5), note: "note")[0] == "meaning, 1 to 5; note")
        #expect(texts(.workers(1...4)) == ["meaning, 1 to 4", "a whole number from 1 to 4, or cores"])
        #expect(
            texts(.time(30...3_600)) == [
                "meaning, 30s to 1h", "a time such as 90s, 10m, 12h or 14d, from 30s to 1h",
            ])
        #expect(texts(.time(0...60), note: "0s for never")[0] == "meaning, up to 60s; 0s for never")
        #expect(texts(.share) == ["meaning, 0 to 1", "a number from 0 to 1 such as 0.05"])
        #expect(Setting("MARTLET_X_Y", .text, "meaning").flag == "--x-y")
    }

    @Test func `no two settings have one name`() {
        #expect(Set(Setting.allCases.map(\.name)).count == Setting.allCases.count)
    }

    @Test func `the bounds of lifetimes are those of the tokens`() {
        let limits = TokenLimits.standard
        #expect(Setting.accessLifetime.kind == .time(limits.accessLifetime))
        #expect(Setting.refreshIdle.kind == .time(limits.sessionLifetime))
        #expect(Setting.sessionMax.kind == .time(limits.sessionLifetime))
        #expect(Setting.leeway.kind == .time(0...limits.leewayMax))
        #expect(Setting.refreshGrace.kind == .time(0...limits.refreshGraceMax))
    }

    @Test func `a command reads its settings alone, by the same rules`() throws {
        let values = ["MARTLET_LOCK_WAIT": "1m", "MARTLET_THREADS": "none", "MARTLET_OTHER": "x"]
        #expect(try SettingsReader.read(values, JournalSettings.lockWait) == 60)
        #expect(try SettingsReader.read([:], JournalSettings.lockWait) == 10)
        let mistake = "MARTLET_LOCK_WAIT: «11m» is not a time such as 90s, 10m, 12h or 14d, from 0s to 10m"
        #expect(throws: ConfigurationError(mistakes: [mistake])) {
            try SettingsReader.read(["MARTLET_LOCK_WAIT": "11m"], JournalSettings.lockWait)
        }
    }

    @Test func `a value that is missing is the default, an empty one is not`() {
        #expect(Setting.users.text(in: [:]) == "users.json" && Setting.users.text(in: ["MARTLET_USERS": ""]).isEmpty)
        #expect(Setting.audience.list(in: ["MARTLET_AUDIENCE": " a ,, b"]) == ["a", "b"])
    }
}
