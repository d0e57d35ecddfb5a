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
        Command(name: "keys", summary: "list, rotate, import and revoke keys", run: KeysCommand.run),
        Command(name: "status", summary: "show the state of the running service", run: StatusCommand.run),
        Command(name: "revoke", summary: "revoke tokens and sessions in the running service", run: RevokeCommand.run),
        Command(name: "verify", summary: "verify a token of any issuer, for scripts and CI", run: VerifyCommand.run),
        Command(name: "jws", summary: "verify only the signature of a token", run: JWSCommand.run),
        Command(name: "decode", summary: "print the claims of a token without verifying it", run: DecodeCommand.run),
        Command(name: "mint", summary: "sign a token with the local keys", run: MintCommand.run),
        Command(name: "journal", summary: "inspect, compact and repair the journal", run: JournalCommand.run),
        Command(name: "store", summary: "prepare, examine, fill and empty a shared store", run: StoreCommand.run),
        Command(name: "healthcheck", summary: "check that the running service answers", run: HealthcheckCommand.run),
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
            Terminal.writeError("martlet: unknown command \(name); run martlet help for a list\n")
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

            For details: martlet COMMAND --help. Every command accepts --env-file FILE (or MARTLET_ENV_FILE), a file of
            NAME=VALUE lines with settings that the service and the commands share.

            """
    }
}
