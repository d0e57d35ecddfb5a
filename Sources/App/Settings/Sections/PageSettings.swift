package import Pages
import Platform

extension Setting {
    package static let pagesName = Setting(
        "MARTLET_PAGES_NAME", .text, default: "Martlet", "name that the pages for signing in show")
    package static let pagesStyle = Setting(
        "MARTLET_PAGES_STYLE", .text, "style sheet of your own for the pages; empty for none")
    package static let pagesStyleMode = Setting(
        "MARTLET_PAGES_STYLE_MODE", .choice(["follow", "replace"]), default: "follow",
        "whether MARTLET_PAGES_STYLE follows the built-in style sheets or replaces them")
    package static let pagesTexts = Setting(
        "MARTLET_PAGES_TEXTS", .text,
        "JSON file with texts of the pages in more languages than English and German; empty for none")
}

/// How the pages for browsers without script look, and in which languages they are.
package struct PageSettings: Sendable {
    static let settings: [Setting] = [.pagesName, .pagesStyle, .pagesStyleMode, .pagesTexts]

    private static let styleByteCountMax = 262_144

    private let name: String
    private let stylePath: String?
    private let replacesStyle: Bool
    private let textsPath: String?

    init(_ reader: inout SettingsReader) {
        name = reader.text(.pagesName)
        if !(1...64).contains(name.utf8.count) || !name.unicodeScalars.allSatisfy(Self.isPrintable) {
            reader.complain(.pagesName, "a name of 1 to 64 bytes without control characters")
        }
        stylePath = Self.path(&reader, .pagesStyle)
        textsPath = Self.path(&reader, .pagesTexts)
        replacesStyle = reader.choice(.pagesStyleMode, { $0 == "replace" }, otherwise: false)
        if replacesStyle, stylePath == nil {
            reader.complain(.pagesStyleMode, "accepted without a file in MARTLET_PAGES_STYLE")
        }
    }

    /// Reads the files that the settings name.
    ///
    /// - Throws: a message that names the file and the line.
    package func site(publicPath: String) throws(StartError) -> PageSite {
        var languages = PageLanguages.builtIn
        if let textsPath {
            let bytes = try Self.read(textsPath, .pagesTexts, byteCountMax: PageTextsFile.byteCountMax)
            do throws(PageTextsError) {
                languages = try PageTextsFile.languages(bytes)
            } catch {
                throw StartError(description: "\(Setting.pagesTexts.name): \(textsPath):\(error.line): \(error.reason)")
            }
        }
        var style: [UInt8]?
        if let stylePath {
            let bytes = try Self.read(stylePath, .pagesStyle, byteCountMax: Self.styleByteCountMax)
            guard String(validating: bytes, as: UTF8.self) != nil else {
                throw StartError(description: "\(Setting.pagesStyle.name): \(stylePath): this is not text in UTF-8")
            }
            style = bytes
        }
        return PageSite(
            name: name, publicPath: publicPath, languages: languages, style: style, replacesStyle: replacesStyle)
    }

    private static func path(_ reader: inout SettingsReader, _ setting: Setting) -> String? {
        let path = reader.text(setting)
        if path.utf8.contains(0) { reader.complain(setting, "the path of a file") }
        return path.isEmpty ? nil : path
    }

    private static func read(
        _ path: String, _ setting: Setting, byteCountMax: Int
    ) throws(StartError) -> [UInt8] {
        do throws(FileError) {
            return try AtomicFile.read(path, byteCountMax: byteCountMax)
        } catch {
            throw StartError(description: "\(setting.name): \(error.description)", mayPass: error.mayPass)
        }
    }

    private static func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .lineSeparator, .paragraphSeparator, .surrogate, .unassigned: false
        default: true
        }
    }
}
