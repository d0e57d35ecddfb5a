import App
import Foundation
import Testing

@Suite("docs/configuration.md")
struct SettingsPageTests {
    static let page = Checkout.text("docs/configuration.md")

    @Test(arguments: Setting.allCases)
    func `every setting has its row: variable, flag, default, meaning`(_ setting: Setting) throws {
        let page = try #require(Self.page)
        let rows = page.components(separatedBy: "\n").filter { $0.hasPrefix("| `\(setting.rawValue)` |") }
        #expect(rows.count == 1, "\(setting.rawValue)")
        let cells = (rows.first ?? "").split(separator: "|").map { cell in
            cell.trimmingCharacters(in: .whitespaces).replacingOccurrences(of: "`", with: "")
        }
        try #require(cells.count >= 4, "\(rows)")
        #expect(cells[1] == setting.flag)
        let isEmpty = setting.defaultText.isEmpty && ["", "–", "-", "empty", "none"].contains(cells[2])
        #expect(isEmpty || cells[2] == setting.defaultText)
        #expect(cells[3].lowercased().hasPrefix(setting.summary.lowercased()))
    }

    @Test(arguments: Setting.allCases)
    func `a flag is its variable without the prefix`(_ setting: Setting) {
        let words = setting.rawValue.split(separator: "_").dropFirst().map { $0.lowercased() }
        #expect(setting.rawValue.hasPrefix("MARTLET_") && setting.flag == "--" + words.joined(separator: "-"))
        #expect(!setting.summary.isEmpty && !setting.summary.contains("|") && !setting.summary.hasSuffix("."))
    }
}
