import App
import Foundation
import Testing

@Suite("docs/configuration.md")
struct SettingsPageTests {
    static let page = Checkout.text("docs/configuration.md")

    @Test(arguments: Setting.allCases)
    func `every setting has its row: variable, flag, default, meaning`(_ setting: Setting) throws {
        let rows = try #require(Self.page).components(separatedBy: "\n").filter {
            $0.hasPrefix("| `\(setting.name)` |")
        }
        let preset = setting.defaultText.isEmpty ? "" : "`\(setting.defaultText)`"
        #expect(rows == ["| `\(setting.name)` | `\(setting.flag)` | \(preset) | \(setting.summary) |"])
    }

    @Test func `the rows have the order of --help`() throws {
        let names = try #require(Self.page).matches(of: /\n\| `(MARTLET_\w+)` \| `--/).map { String($0.output.1) }
        #expect(names == Setting.allCases.map(\.name))
    }

    @Test(arguments: Setting.allCases)
    func `a flag is its variable without the prefix`(_ setting: Setting) {
        let words = setting.name.split(separator: "_").dropFirst().map { $0.lowercased() }
        #expect(setting.name.hasPrefix("MARTLET_") && setting.flag == "--" + words.joined(separator: "-"))
        #expect(!setting.summary.isEmpty && !setting.summary.contains("|") && !setting.summary.hasSuffix("."))
    }
}
