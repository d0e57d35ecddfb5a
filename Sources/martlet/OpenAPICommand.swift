import API
import App

/// Implements `martlet openapi`: prints the document that `/openapi.yaml` serves; the file at the root is its output.
enum OpenAPICommand {
    static let usage = """
        usage: martlet openapi

        Prints the OpenAPI document of this version. No running service is needed.

        """

    static func run(_ words: [String]) -> Int32 {
        guard words.isEmpty else {
            let isHelp = words == ["--help"] || words == ["-h"]
            isHelp ? Terminal.write(usage) : Terminal.writeError("martlet openapi: takes no options\n")
            return isHelp ? 0 : 2
        }
        let settings = Setting.allCases.map { $0.openAPIText }
        Terminal.write(OpenAPIDocument(version: Version.text, settings: settings).text)
        return 0
    }
}

/// Implements `martlet version`.
enum VersionCommand {
    static func run(_ words: [String]) -> Int32 {
        let isHelp = words == ["--help"] || words == ["-h"]
        guard words.isEmpty || isHelp else {
            Terminal.writeError("martlet version: takes no options\n")
            return ExitCode.usage
        }
        guard !isHelp else {
            Terminal.write("usage: martlet version\n")
            return ExitCode.ok
        }
        Terminal.write("martlet \(Version.text)\n")
        return 0
    }
}
