@testable import App
import Testing

@Suite("MARTLET_SESSION_DATA")
struct SessionDataSettingsTests {
    private func isOn(_ environment: [String: String]) throws(ConfigurationError) -> Bool {
        try Configuration(environment: environment, cores: 1).sessionData.isOn
    }

    @Test func `is off by default, and on with an engine`() throws {
        #expect(try !isOn([:]))
        #expect(try !isOn(["MARTLET_STORE": "redis://db"]))
        for store in ["redis://db", "postgres://m@db/auth"] {
            #expect(try isOn(["MARTLET_SESSION_DATA": "on", "MARTLET_STORE": store]))
        }
    }

    @Test(arguments: [[:], ["MARTLET_STORE": "file"]])
    func `is rejected without an engine, and the message says what to do`(_ environment: [String: String]) throws {
        let failure = #expect(throws: ConfigurationError.self) {
            try isOn(environment.merging(["MARTLET_SESSION_DATA": "on"]) { $1 })
        }
        let mistakes = try #require(failure).mistakes
        #expect(mistakes.count == 1 && mistakes[0].hasPrefix("MARTLET_SESSION_DATA: "))
        #expect(mistakes[0].contains("Set MARTLET_STORE") && mistakes[0].contains("MARTLET_SESSION_DATA=off"))
    }

    @Test func `a wrong address of the engine is one mistake, not two`() throws {
        let failure = #expect(throws: ConfigurationError.self) {
            try isOn(["MARTLET_SESSION_DATA": "on", "MARTLET_STORE": "mysql://db"])
        }
        #expect(try #require(failure).mistakes.count == 1)
    }
}
