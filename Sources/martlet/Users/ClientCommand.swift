import Accounts
import App
import Encoding
import Keys
import OpenSSL
import Platform
import Tokens

/// Implements `martlet client`: edits the client file, which a running server reloads automatically.
enum ClientCommand {
    static let usage = """
        usage: martlet client add ID [--name TEXT] [--audience AUDIENCE]... [--scope SCOPE]... [--alg ALG]
                                [--grant GRANT]... [--ttl TIME] [--role ROLE]... [--users any]
               martlet client enable ID
               martlet client disable ID
               martlet client add-secret ID
               martlet client drop-secret ID (--old | --new)
               martlet client remove ID
               martlet client list [--json]

        Adds, changes and lists the backends that authenticate to the service to introspect, to revoke or
        to log users in. The file is replaced atomically, and a running server reloads it
        by itself.

          --clients FILE       the file (default: \(Setting.clients.fallback))
          --name TEXT          a display name
          --audience AUDIENCE  an audience it may ask for; may be repeated (default: all)
          --scope SCOPE        a scope it may ask for; may be repeated
          --alg ALG            the algorithm of tokens for it (default: MARTLET_ALG): HS256, HS384, HS512,
                               RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512 or EdDSA; a key for it
                               must exist
          --grant GRANT        what it may ask for at /token, may be repeated: client_credentials (tokens for
                               itself), or urn:martlet:grant-type:session (sessions for users whom it has
                               authenticated; default: neither)
          --users any          with the session grant: the users are those of its own database
          --ttl TIME           how long its own tokens are valid, 30s to 1h (default: MARTLET_ACCESS_TTL)
          --role ROLE          a role in its own tokens; may be repeated
          --keys DIR           where add looks for the key (default: \(Setting.keys.fallback))
          --json               print one JSON array, without the hashes

        add and add-secret print the client's new secret on a line of its own. It is shown
        only this once, because the file keeps only a hash.
        To change a secret without downtime: run add-secret (now both are valid), give the client the new one, then
        run drop-secret --old. drop-secret --new removes the new one. A client has at most two secrets, and its
        last one cannot be dropped.
        A disabled client is rejected at once, and so are refreshes of its sessions; enable reverses that.
        Exit code: 0 done, 1 failed, 2 error in the command line or in the file.

        """

    static func run(_ arguments: [String]) -> Int32 {
        let rest = Array(arguments.dropFirst())
        switch arguments.first {
        case "add": return Verb.run("client add", usage: usage) { () throws(CommandError) in try add(rest) }
        case "enable":
            return Verb.run("client enable", usage: usage) { () throws(CommandError) in
                try setDisabled(false, rest)
            }
        case "disable":
            return Verb.run("client disable", usage: usage) { () throws(CommandError) in
                try setDisabled(true, rest)
            }
        case "add-secret":
            return Verb.run("client add-secret", usage: usage) { () throws(CommandError) in try addSecret(rest) }
        case "drop-secret":
            return Verb.run("client drop-secret", usage: usage) { () throws(CommandError) in try dropSecret(rest) }
        case "remove": return Verb.run("client remove", usage: usage) { () throws(CommandError) in try remove(rest) }
        case "list": return Verb.run("client list", usage: usage) { () throws(CommandError) in try list(rest) }
        default: return Verb.refuse("client", arguments.first, usage: usage)
        }
    }

    private static let file = Arguments.Option.value("--clients")

    private static func add(_ words: [String]) throws(CommandError) {
        let arguments = try Arguments.parse(
            words,
            options: [
                file, .value("--name"), .list("--audience"), .list("--scope"), .value("--alg"), .value("--keys"),
                .list("--grant"), .value("--ttl"), .list("--role"), .value("--users"),
            ], operands: ["ID"])
        let table = table(arguments)
        try table.checkPlace(isNamed: arguments.isNamed(.clients))
        let (secret, hash) = try newSecret()
        let client = Client(
            id: arguments.operands[0], secretHashes: [hash],
            name: arguments.value("--name"),
            audiences: arguments.values("--audience"), scopes: arguments.values("--scope"),
            algorithm: arguments.value("--alg"), grants: arguments.values("--grant"),
            accessLifetime: try lifetime(arguments),
            roles: arguments.values("--role"), opensForAnyUser: try opensForAnyUser(arguments),
            createdAt: SystemClock.wall.now)
        let reading = try table.check { clients throws(AccountsError) in try clients.adding(client) }
        if client.algorithm != nil { try checkSigner(of: client, among: reading, arguments) }
        try table.edit(mustExist: false, after: reading) { clients throws(AccountsError) in
            try clients.adding(client)
        }
        Terminal.writeError("added \(client.id) to \(table.fullPath); its secret, shown only this once:\n")
        Terminal.write(secret + "\n")
    }

    private static func opensForAnyUser(_ arguments: Arguments) throws(CommandError) -> Bool {
        guard let text = arguments.value("--users") else { return false }
        guard text == "any", arguments.values("--grant").contains(Client.session) else {
            throw .usage("--users must be any, and needs --grant \(Client.session)")
        }
        return true
    }

    private static func lifetime(_ arguments: Arguments) throws(CommandError) -> Int64? {
        guard let text = arguments.value("--ttl") else { return nil }
        guard let seconds = TimeSpan.seconds(text), Client.accessLifetimes.contains(seconds) else {
            throw .usage("--ttl must be 30s to 1h, such as 10m")
        }
        return seconds
    }

    /// Checks that a key signs the tokens of the client; otherwise its logins would fail, and the service would not
    /// start.
    private static func checkSigner(
        of client: Client, among reading: AccountsFile<ClientDirectory>.Reading, _ arguments: Arguments
    ) throws(CommandError) {
        let settings = try KeyCommandSettings()
        let now = SystemClock.wall.now
        let path = KeysCommand.path(arguments)
        let keys: [Key]
        let after: ClientDirectory
        do {
            let directory = KeyDirectory(path: path)
            // The first start creates every required key.
            guard try !directory.isEmpty() else { return }
            keys = try directory.read().keys
            after = try reading.table.adding(client)
        } catch {
            throw .refused("cannot determine whether a key signs \(client.algorithm ?? "") for \(client.id): \(error)")
        }
        let before = Set(settings.missing(keys, reading.table, at: now))
        guard let name = settings.missing(keys, after, at: now).first(where: { !before.contains($0) }) else { return }
        throw .refused(
            "no key in \(path) signs \(name) now, so \(client.id) was not added. "
                + "Run first: martlet keys rotate --alg \(name) --lead 0s")
    }

    private static func newSecret() throws(CommandError) -> (text: String, hash: [UInt8]) {
        do throws(AccountsError) {
            let text = try ClientSecret.text(Random.bytes(32))
            let bytes = Array(text.utf8)
            return (text, ClientSecret.hash(bytes.span))
        } catch {
            throw .accounts(error)
        }
    }

    private static func setDisabled(_ isDisabled: Bool, _ words: [String]) throws(CommandError) {
        let arguments = try Arguments.parse(words, options: [file], operands: ["ID"])
        let (table, id) = (table(arguments), arguments.operands[0])
        let state = isDisabled ? "disabled" : "enabled"
        let changed = try table.edit { clients throws(AccountsError) in
            guard clients.client(id: id)?.isDisabled != isDisabled else { return clients }
            return try clients.changing(id) { client in client.isDisabled = isDisabled }
        }
        Terminal.writeError("\(id) \(changed ? "is \(state)" : "was \(state) already") in \(table.fullPath)\n")
    }

    private static func addSecret(_ words: [String]) throws(CommandError) {
        let arguments = try Arguments.parse(words, options: [file], operands: ["ID"])
        let (table, id) = (table(arguments), arguments.operands[0])
        let (secret, hash) = try newSecret()
        var isFull = false
        _ = try table.edit { clients throws(AccountsError) in
            isFull = clients.client(id: id)?.secretHashes.count ?? 0 >= ClientSecret.countMax
            return isFull ? clients : try clients.changing(id) { client in client.secretHashes.append(hash) }
        }
        guard !isFull else {
            throw .refused(
                "\(id) already has two secrets. Drop one first: martlet client drop-secret \(id) --old")
        }
        Terminal.writeError(
            "added a second secret of \(id) to \(table.fullPath), shown only this once; the old one is still valid:\n")
        Terminal.write(secret + "\n")
    }

    private static func dropSecret(_ words: [String]) throws(CommandError) {
        let arguments = try Arguments.parse(words, options: [file, .flag("--old"), .flag("--new")], operands: ["ID"])
        guard arguments.has("--old") != arguments.has("--new") else {
            throw .usage("name the secret to drop: --old or --new")
        }
        let (table, id) = (table(arguments), arguments.operands[0])
        var isLast = false
        _ = try table.edit { clients throws(AccountsError) in
            isLast = clients.client(id: id).map { $0.secretHashes.count < 2 } ?? false
            guard !isLast else { return clients }
            return try clients.changing(id) { client in
                if arguments.has("--old") {
                    client.secretHashes.removeFirst()
                } else {
                    client.secretHashes.removeLast()
                }
            }
        }
        guard !isLast else {
            throw .refused(
                "\(id) has only one secret. Add the next one first: martlet client add-secret \(id); "
                    + "to lock the client out: martlet client disable \(id)")
        }
        Terminal.writeError(
            "dropped the \(arguments.has("--old") ? "old" : "new") secret of \(id) from \(table.fullPath)\n")
    }

    private static func remove(_ words: [String]) throws(CommandError) {
        let arguments = try Arguments.parse(words, options: [file], operands: ["ID"])
        let id = arguments.operands[0]
        try table(arguments).remove(id) { clients throws(AccountsError) in try clients.removing(id) }
    }

    private static func list(_ words: [String]) throws(CommandError) {
        let arguments = try Arguments.parse(words, options: [file, .flag("--json")])
        try table(arguments).list("clients", asJSON: arguments.has("--json"), \.clients) { client in
            let state = AccountsFile<ClientDirectory>.state(isDisabled: client.isDisabled)
            let audiences = client.audiences.isEmpty ? "(all)" : client.audiences.joined(separator: " ")
            return "\(state)  \(client.id)  \(audiences)"
        } members: { client, writer in
            writer.member("id", client.id)
            writer.member("name", optional: client.name)
            writer.member("audiences", client.audiences)
            writer.member("scopes", client.scopes)
            writer.member("alg", optional: client.algorithm)
            writer.member("grants", client.grants)
            if let lifetime = client.accessLifetime { writer.member("access_ttl", lifetime) }
            writer.member("roles", client.roles)
            if client.opensForAnyUser { writer.member("users", "any") }
            writer.member("secrets", Int64(client.secretHashes.count))
            writer.member("disabled", client.isDisabled)
            writer.member("created_at", client.createdAt.count)
        }
    }

    private static func table(_ arguments: Arguments) -> AccountsFile<ClientDirectory> {
        AccountsFile(path: arguments.text(.clients), setting: .clients)
    }
}
