import Accounts
import Platform

extension Setting {
    package static let environmentFile = Setting(
        "MARTLET_ENV_FILE", .text,
        "file of settings, one NAME=VALUE per line, for the service and every command; variables override it")
}

/// A file of settings that the service and the commands share: `NAME=VALUE` a line.
///
/// It is read as systemd's `EnvironmentFile=` reads simple lines: empty lines and lines that begin with `#` or `;` are
/// comments, blanks around the value are ignored, and quotes around the whole value are removed. Nothing is expanded.
package enum EnvironmentFile {
    private static let byteCountMax = 65_536

    /// - Throws: for a file that cannot be read, or with the line of the first mistake.
    package static func read(_ path: String) throws(StartError) -> [String: String] {
        let bytes: [UInt8]
        do throws(FileError) {
            bytes = try AtomicFile.read(path, byteCountMax: byteCountMax)
        } catch {
            throw StartError(description: "\(Setting.environmentFile.name): \(error)")
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw StartError(description: "\(path): the file is not UTF-8")
        }
        return try values(of: text.hasPrefix("\u{feff}") ? String(text.dropFirst()) : text, path)
    }

    static func values(of text: String, _ path: String) throws(StartError) -> [String: String] {
        var values: [String: String] = [:]
        let lines = text.split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" }
        for (index, line) in lines.enumerated() {
            func fault(_ expected: String) -> StartError {
                StartError(description: "\(path):\(index + 1): expected \(expected)")
            }
            let line = trimmed(line)
            // systemd and shells read a backslash differently, so the service and its commands could disagree.
            guard !line.contains("\\") || line.hasPrefix("#") || line.hasPrefix(";") else {
                throw fault("no backslash, because this file has neither continued lines nor escapes")
            }
            guard let first = line.first, first != "#", first != ";" else { continue }
            let parts = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, isName(parts[0]) else { throw fault("NAME=VALUE, or a comment that begins with #") }
            let name = String(parts[0])
            guard name != Setting.environmentFile.name else {
                throw fault("no \(name): a file of settings cannot name another one")
            }
            guard values[name] == nil else { throw fault("\(name) only once") }
            guard let value = unquoted(trimmed(parts[1])) else {
                throw fault("quotes that close at the end of the line")
            }
            values[name] = value
        }
        return values
    }

    /// - Returns: nil for quotes that are not closed, or are followed by other text.
    private static func unquoted(_ text: Substring) -> String? {
        guard let quote = text.first, quote == "\"" || quote == "'" else { return String(text) }
        let inner = text.dropFirst().dropLast()
        guard text.count >= 2, text.last == quote, !inner.contains(quote) else { return nil }
        return String(inner)
    }

    private static func isName(_ text: Substring) -> Bool {
        guard let first = text.utf8.first, !(0x30...0x39 ~= first) else { return false }
        return text.utf8.allSatisfy { byte in
            0x30...0x39 ~= byte || 0x41...0x5a ~= byte || 0x61...0x7a ~= byte || byte == UInt8(ascii: "_")
        }
    }

    private static func trimmed(_ text: Substring) -> Substring {
        var rest = text
        while let first = rest.first, first == " " || first == "\t" { rest.removeFirst() }
        while let last = rest.last, last == " " || last == "\t" { rest.removeLast() }
        return rest
    }
}
