import Encoding
import HTTPClient

/// Implements `martlet revoke`: revokes tokens and sessions of the running service over its operator socket.
enum RevokeCommand {
    static let usage = """
        usage: martlet revoke --user NAME | --sub ID | --sid ID | --jti ID | --client ID | --key KID | --all
                              [--ahead] [--socket PATH]

        Revokes tokens or sessions in the running service, permanently. The command returns when the revocation is on disk.

          --user NAME    all sessions that this user began before now
          --sub ID       the same by user id, for a user that was removed
          --sid ID       one session
          --jti ID       one access token
          --client ID    all sessions that this client began; first-party for those without a client
          --key KID      everything signed with this key; `martlet keys compromise` also replaces the key
          --all          every session and token
          --ahead        revoke a --sub, --client or --key that does not exist yet
        \(OperatorClient.optionUsage)

        Exit code: 0 revoked, 1 nothing was revoked, 2 error in the command line or a setting, 75 the
        service is not running or cannot write its journal: try again.

        """

    /// The option, the member of the request, and the name in the output.
    private static let targets: [(option: String, member: String, what: String)] = [
        ("--user", "username", "the sessions of user"), ("--sub", "sub", "the sessions of subject"),
        ("--sid", "sid", "session"), ("--jti", "jti", "token"), ("--client", "client_id", "the sessions of client"),
        ("--key", "kid", "everything signed with key"),
    ]

    static func run(_ words: [String]) -> Int32 {
        Verb.run("revoke", usage: usage) { () throws(CommandError) in try revoke(words) }
    }

    private static func revoke(_ words: [String]) throws(CommandError) {
        let options = targets.map { Arguments.Option.value($0.option) }
        let arguments = try Arguments.parse(
            words, options: options + [.flag("--all"), .flag("--ahead"), OperatorClient.option])
        let (order, what) = try order(arguments)
        let client = try OperatorClient.named(arguments)
        do throws(OperatorError) {
            let answer = try client.post("/admin/revocations", json: order)
            guard answer.status == 200 else { throw OperatorError(client.path, answer) }
            let seq = answer.field("revocation-seq") ?? "?"
            Terminal.writeError("revoked \(what) (record \(seq) of the journal)\n")
        } catch {
            throw CommandError(error)
        }
    }

    static func order(_ arguments: Arguments) throws(CommandError) -> (json: [UInt8], what: String) {
        let named = targets.filter { arguments.has($0.option) }
        guard named.count + (arguments.has("--all") ? 1 : 0) == 1 else {
            let names = targets.map(\.option).joined(separator: ", ")
            throw .usage("name exactly one of \(names) and --all")
        }
        var writer = JSONWriter()
        writer.beginObject()
        var what = "every session and token"
        if let target = named.first, let value = arguments.value(target.option) {
            guard !value.isEmpty else { throw .usage("\(target.option) is empty") }
            writer.name(target.member)
            writer.string(value)
            what = "\(target.what) \(Printable.short(value))"
            if target.option == "--sid" || target.option == "--jti", UUID(value) == nil {
                throw .usage("\(target.option) must be a UUID in lower case, as the token's \(target.member) is")
            }
        } else {
            writer.name("all")
            writer.bool(true)
        }
        if arguments.has("--ahead") {
            guard let target = named.first, ["--sub", "--client", "--key"].contains(target.option) else {
                throw .usage("--ahead requires --sub, --client or --key")
            }
            writer.name("unknown")
            writer.string("allow")
        }
        writer.endObject()
        return (writer.bytes, what)
    }
}
