import App
import Glibc

/// The program. The first word selects the command, and the command parses the rest.
@main
enum Martlet {
    struct Command: Sendable {
        let name: String
        let summary: String
        let run: @Sendable ([String]) -> Int32
    }

    nonisolated static let commands = [
        Command(name: "serve", summary: "run the service", run: ServeCommand.run),
        Command(name: "user", summary: "add, change and list users", run: UserCommand.run),
        Command(name: "client", summary: "add, remove and list clients", run: ClientCommand.run),
        Command(name: "keys", summary: "list, rotate and end the keys", run: KeysCommand.run),
        Command(name: "status", summary: "show what the running service applies", run: StatusCommand.run),
        Command(name: "revoke", summary: "end tokens and sessions of the running service", run: RevokeCommand.run),
        Command(name: "verify", summary: "decide about a token of any issuer, for pipelines", run: VerifyCommand.run),
        Command(name: "jws", summary: "check the bare signature of a token", run: JWSCommand.run),
        Command(name: "decode", summary: "show what a token says, unverified", run: DecodeCommand.run),
        Command(name: "mint", summary: "sign a token with the keys at hand", run: MintCommand.run),
        Command(name: "journal", summary: "look into the journal", run: JournalCommand.run),
        Command(name: "healthcheck", summary: "ask a running service whether it answers", run: HealthcheckCommand.run),
        Command(
            name: "bench-tokens", summary: "measure what a token costs on this machine", run: BenchTokensCommand.run),
        Command(name: "openapi", summary: "print the OpenAPI document", run: OpenAPICommand.run),
        Command(name: "version", summary: "print the version", run: VersionCommand.run),
    ]

    nonisolated static func main() {
        guard StandardDescriptors.fill() else { exit(ExitCode.unavailable) }
        let words = Array(CommandLine.arguments.dropFirst())
        guard let name = words.first else {
            Terminal.writeError(usage)
            exit(2)
        }
        if ["help", "--help", "-h"].contains(name) {
            Terminal.write(usage)
            exit(0)
        }
        guard let command = commands.first(where: { $0.name == name || "--\($0.name)" == name && name == "--version" })
        else {
            Terminal.writeError("martlet: there is no command \(name); martlet help lists them\n")
            exit(2)
        }
        var rest: [String] = []
        let code = Verb.run(command.name, usage: "") { () throws(CommandError) in
            rest = try Environment.takeFile(Array(words.dropFirst()))
        }
        exit(code == ExitCode.ok ? command.run(rest) : code)
    }

    nonisolated static var usage: String {
        let width = commands.map(\.name.count).max() ?? 0
        let rows = commands.map { command in
            "  \(command.name)\(String(repeating: " ", count: width - command.name.count))  \(command.summary)"
        }
        return """
            martlet: a stateless JWT auth service

            usage: martlet COMMAND [OPTIONS]

            \(rows.joined(separator: "\n"))

            martlet COMMAND --help tells more. Every command takes --env-file FILE (or MARTLET_ENV_FILE): a file of settings,
            a NAME=VALUE a line, that the service and the commands share.

            """
    }
}
