import Foundation
import Testing

/// The program itself, as it was built beside these tests.
enum Program {
    struct Outcome {
        let status: Int32
        let output: String
        let complaint: String
    }

    /// - Parameters:
    ///   - environment: all that the program sees beside PATH.
    ///   - input: its standard input; nil for none.
    static func run(
        _ words: [String], in scratch: Scratch, environment: [String: String] = [:], input: String? = nil
    ) throws -> Outcome {
        let running = try Running(words, in: scratch, environment: environment, input: input)
        return try running.wait()
    }

    static let path = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
        .appending(path: "martlet")
}

/// A program under way. What it says goes to files, which never fill up as pipes do.
final class Running {
    private let process = Process()
    private let scratch: Scratch
    private let name = UUID().uuidString

    init(_ words: [String], in scratch: Scratch, environment: [String: String] = [:], input: String? = nil) throws {
        self.scratch = scratch
        process.executableURL = Program.path
        process.arguments = words
        process.currentDirectoryURL = URL(fileURLWithPath: scratch.path)
        process.environment = environment
        process.standardInput = FileHandle.nullDevice
        if let input {
            let path = scratch["." + name + ".in"]
            try Data(input.utf8).write(to: URL(fileURLWithPath: path))
            let file: FileHandle = try #require(FileHandle(forReadingAtPath: path))
            process.standardInput = file
        }
        process.standardOutput = try Self.file(scratch, name + ".out")
        process.standardError = try Self.file(scratch, name + ".err")
        try process.run()
    }

    deinit { if process.isRunning { process.terminate() } }

    var complaint: String { said(".err") }

    /// Waits until the program has said `text` on its standard error, or has ended.
    func wait(toSay text: String) throws {
        for _ in 0..<600 where process.isRunning && !complaint.contains(text) { usleep(50_000) }
        try #require(complaint.contains(text), "\(complaint)")
    }

    func terminate() { process.terminate() }

    func wait() throws -> Program.Outcome {
        for _ in 0..<600 where process.isRunning { usleep(50_000) }
        try #require(!process.isRunning, "it does not end")
        return Program.Outcome(status: process.terminationStatus, output: said(".out"), complaint: complaint)
    }

    private func said(_ suffix: String) -> String {
        (try? String(contentsOfFile: scratch["." + name + suffix], encoding: .utf8)) ?? ""
    }

    private static func file(_ scratch: Scratch, _ name: String) throws -> FileHandle {
        let path = scratch["." + name]
        _ = FileManager.default.createFile(atPath: path, contents: nil)
        return try #require(FileHandle(forWritingAtPath: path))
    }
}
