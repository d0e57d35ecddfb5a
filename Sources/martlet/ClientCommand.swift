import Accounts
import Assembly
import Octets
import OpenSSL

/// `martlet client`: edits the file of clients, which a running server picks up by itself.
enum ClientCommand {
    static let usage = """
        usage: martlet client add ID [--name TEXT] [--audience AUDIENCE]... [--scope SCOPE]... [--alg ALG]
               martlet client remove ID
               martlet client list [--json]

        Adds, removes and lists the backends that authenticate to the service, to introspect, to revoke or
        to get tokens of their own. The file is replaced as a whole, and a running server takes the new one
        up by itself.

          --clients FILE       the file (default: MARTLET_CLIENTS, or clients.json)
          --name TEXT          what people call it
          --audience AUDIENCE  an audience it may ask for; may be repeated (default: all)
          --scope SCOPE        a scope it may ask for; may be repeated
          --alg ALG            HS256 or RS256, what tokens for it are signed with (default: MARTLET_ALG)
          --json               list as JSON, one array, without the hashes

        add writes the client's secret to standard output, on a line of its own. It is shown this once: the
        file keeps only a hash of it.
        Exit code: 0 done, 1 failed, 2 a mistake in the command line or in the file.

        """

    static func run(_ arguments: [String]) -> Int32 {
        let rest = Array(arguments.dropFirst())
        switch arguments.first {
        case "add": return Verb.run("client add", usage: usage) { () throws(CommandFault) in try add(rest) }
        case "remove": return Verb.run("client remove", usage: usage) { () throws(CommandFault) in try remove(rest) }
        case "list": return Verb.run("client list", usage: usage) { () throws(CommandFault) in try list(rest) }
        default: return Verb.refuse("client", arguments.first, usage: usage)
        }
    }

    private static let file = Arguments.Option.value("--clients")

    private static func add(_ words: [String]) throws(CommandFault) {
        let arguments = try Arguments.parse(
            words, options: [file, .value("--name"), .list("--audience"), .list("--scope"), .value("--alg")],
            operands: ["ID"])
        let table = table(arguments)
        let secret: String
        do throws(AccountsFault) { secret = try ClientSecret.text(Random.bytes(32)) } catch { throw .accounts(error) }
        let secretOctets = Array(secret.utf8)
        let client = Client(
            id: arguments.operands[0], secretHashes: [ClientSecret.hash(secretOctets.span)],
            name: arguments.value("--name"),
            audiences: arguments.values("--audience"), scopes: arguments.values("--scope"),
            algorithm: arguments.value("--alg"), createdAt: SystemClock.wall.now)
        try table.edit(mustExist: false) { clients throws(AccountsFault) in try clients.adding(client) }
        Terminal.writeError("added \(client.id) to \(table.path); its secret, shown only now:\n")
        Terminal.write(secret + "\n")
    }

    private static func remove(_ words: [String]) throws(CommandFault) {
        let arguments = try Arguments.parse(words, options: [file], operands: ["ID"])
        try table(arguments).edit { clients throws(AccountsFault) in try clients.removing(arguments.operands[0]) }
    }

    private static func list(_ words: [String]) throws(CommandFault) {
        let arguments = try Arguments.parse(words, options: [file, .flag("--json")])
        let clients = try table(arguments).read().clients
        if arguments.has("--json") {
            Terminal.write(String(decoding: json(clients), as: UTF8.self))
        } else {
            for client in clients {
                let state = client.isDisabled ? "disabled" : "enabled"
                let audiences = client.audiences.isEmpty ? "(all)" : client.audiences.joined(separator: " ")
                Terminal.write("\(state.padded(to: 8))  \(client.id)  \(audiences)\n")
            }
        }
    }

    private static func json(_ clients: [Client]) -> [UInt8] {
        var writer = JSONWriter(isPretty: true)
        writer.beginArray()
        for client in clients {
            writer.beginObject()
            writer.name("id")
            writer.string(client.id)
            writer.name("name")
            writer.optional(client.name)
            writer.name("audiences")
            writer.strings(client.audiences)
            writer.name("scopes")
            writer.strings(client.scopes)
            writer.name("alg")
            writer.optional(client.algorithm)
            writer.name("disabled")
            writer.bool(client.isDisabled)
            writer.name("created_at")
            writer.integer(client.createdAt)
            writer.endObject()
        }
        writer.endArray()
        return writer.bytes + [UInt8(ascii: "\n")]
    }

    private static func table(_ arguments: Arguments) -> AccountsFile<ClientDirectory> {
        AccountsFile(path: arguments.value("--clients") ?? Environment.values["MARTLET_CLIENTS"] ?? "clients.json")
    }
}
