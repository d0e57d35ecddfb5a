import Foundation
import Testing

/// The programs of PostgreSQL, and how they are run: PostgreSQL does not run as root.
enum PostgresPrograms {
    /// The directory of the newest version that Debian's packages installed; nil if there is none.
    static let directory: String? = {
        let root = "/usr/lib/postgresql"
        let versions = (try? FileManager.default.contentsOfDirectory(atPath: root)) ?? []
        return versions.sorted { (Int($0) ?? 0) > (Int($1) ?? 0) }.map { "\(root)/\($0)/bin" }
            .first { FileManager.default.isExecutableFile(atPath: "\($0)/initdb") }
    }()

    static var areInstalled: Bool { directory != nil }

    static let missing: Comment = "SKIPPED: install postgresql-15 (scripts/packages) to test the engine PostgreSQL"

    private static let isRoot = getuid() == 0

    /// The command line that runs a program as an unprivileged user, killed when the tests die.
    static func command(_ program: String, _ arguments: [String]) -> [String] {
        let line = ["\(directory ?? "")/\(program)"] + arguments
        let user = isRoot ? ["--reuid=postgres", "--regid=postgres", "--clear-groups"] : []
        return ["/usr/bin/setpriv"] + user + ["--pdeathsig=KILL"] + line
    }

    /// Runs a program to its end.
    @discardableResult
    static func run(_ line: [String]) throws -> String {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: line[0])
        process.arguments = Array(line.dropFirst())
        process.currentDirectoryURL = URL(fileURLWithPath: "/")
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = pipe
        try process.run()
        let output = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        let text = String(decoding: output, as: UTF8.self)
        guard process.terminationStatus == 0 else { throw Failure(text: "\(line): \(text)") }
        return text
    }

    /// Lets the user that runs PostgreSQL own a directory.
    static func give(_ path: String) throws {
        if isRoot { try run(["/bin/chown", "-R", "postgres:postgres", path]) }
    }

    struct Failure: Error, CustomStringConvertible {
        let text: String
        var description: String { text }
    }
}
