import Accounts
import App
import Encoding
import OpenSSL
import Platform

/// Implements `martlet user`: edits the user file, which a running server reloads automatically.
enum UserCommand {
    static let usage = """
        usage: martlet user add NAME [--role ROLE]... [--scope SCOPE]... [--claim NAME=JSON]...
                                     [--password-stdin | --hash HASH]
               martlet user passwd NAME [--password-stdin | --hash HASH]
               martlet user change NAME [--role ROLE]... [--scope SCOPE]... [--claim NAME=JSON]...
                                        [--drop-role ROLE]... [--drop-scope SCOPE]... [--drop-claim NAME]...
               martlet user import FILE [--dry-run] [--skip-refused]
               martlet user enable NAME
               martlet user disable NAME
               martlet user remove NAME
               martlet user list [--json]

        Adds, changes and lists the users who can log in. The file is replaced atomically, and a running
        server reloads it by itself. passwd, disable and remove end the user's sessions. What change
        adds and drops takes effect at the next login or refresh. To end older tokens at once:
        martlet revoke --user NAME.

        import adds the users of FILE, or of standard input if FILE is -, in one replacement of the file:
        JSON Lines, or CSV whose first line names the columns. The members are username, password or
        password_hash, id, roles, scopes, disabled and claims. Each refused user is printed with its line and
        the reason, and then none is added. FILE may have up to 64 MiB.

          --users FILE       the file (default: \(Setting.users.fallback))
          --role ROLE        a role that the user's tokens contain; may be repeated
          --scope SCOPE      a scope that the user may ask for; may be repeated
          --claim NAME=JSON  a claim that the user's tokens contain, for example team='"blue"' or level=3;
                             may be repeated; change replaces the claim of that name
          --drop-role ROLE, --drop-scope SCOPE, --drop-claim NAME
                             what change removes; each may be repeated
          --password-stdin   read the password from standard input, without one newline at the
                             end; without this and --hash, the command asks for it twice on the terminal
          --hash HASH        store this hash instead of a password: $argon2id$, $argon2i$, $argon2d$, bcrypt
                             ($2a$ $2b$ $2y$), yescrypt ($y$), $scrypt$, PBKDF2 (pbkdf2_sha256$ of Django,
                             $pbkdf2-sha256$, $pbkdf2-sha512$), SHA-512 ($6$) or SHA-256 ($5$); the server
                             replaces all but the first by Argon2id at the user's next login
          --dry-run          check everything, and add nothing
          --skip-refused     add the other users even if some are refused
          --json             print one JSON array, without the hashes

        A new password has at least MARTLET_PASSWORD_MIN characters (default 6) and at most 1024 bytes of
        UTF-8, is not the user's name, and is not in the file MARTLET_BREACHED_PASSWORDS if that is set.
        It is used unchanged, without trimming or normalization.
        A user is rejected whose access token would be longer than 4096 bytes, in browser mode including the
        name of its cookie: each login would fail. The message names the largest claim. The settings of the
        service that tokens depend on, such as MARTLET_CLAIMS and MARTLET_BROWSER, must be set here as well.
        MARTLET_ARGON2_MEMORY (KiB), MARTLET_ARGON2_PASSES and MARTLET_ARGON2_LANES set what a new hash
        costs (default 19456, 2 and 1).
        Exit code: 0 done, 1 failed, 2 error in the command line or in the file.

        """

    static func run(_ arguments: [String]) -> Int32 {
        let rest = Array(arguments.dropFirst())
        switch arguments.first {
        case "add": return Verb.run("user add", usage: usage) { () throws(CommandError) in try add(rest) }
        case "passwd": return Verb.run("user passwd", usage: usage) { () throws(CommandError) in try passwd(rest) }
        case "change":
            return Verb.run("user change", usage: usage) { () throws(CommandError) in try UserChange.run(rest) }
        case "import":
            return Verb.run("user import", usage: usage) { () throws(CommandError) in try UserImport.run(rest) }
        case "enable":
            return Verb.run("user enable", usage: usage) { () throws(CommandError) in
                try change(rest, "enabled") { user, _ in user.isDisabled = false }
            }
        case "disable":
            return Verb.run("user disable", usage: usage) { () throws(CommandError) in
                try change(rest, "disabled") { user, now in
                    user.isDisabled = true
                    user.sessionsFrom = now
                }
            }
        case "remove": return Verb.run("user remove", usage: usage) { () throws(CommandError) in try remove(rest) }
        case "list": return Verb.run("user list", usage: usage) { () throws(CommandError) in try list(rest) }
        default: return Verb.refuse("user", arguments.first, usage: usage)
        }
    }

    static let file = Arguments.Option.value("--users")

    private static func add(_ words: [String]) throws(CommandError) {
        let arguments = try Arguments.parse(
            words, options: [file, .list("--role"), .list("--scope"), .list("--claim")] + NewPassword.options,
            operands: ["NAME"])
        let table = table(arguments)
        let name = arguments.operands[0]
        try table.checkParent()
        let claims = try claims(arguments.values("--claim"))
        var user = User(
            id: UUIDv7Generator(clock: SystemClock.wall, random: { Random.next64() }).next(), name: name,
            // A placeholder until the password is known, so that everything else is checked before the prompt.
            passwordHash: "!", roles: arguments.values("--role"), scopes: arguments.values("--scope"), claims: claims)
        try NewPassword.checkHash(arguments)
        try TokenSizeCheck().check(user)
        let reading = try table.check { users throws(AccountsError) in try users.adding(user) }
        user.passwordHash = try NewPassword.hash(arguments, for: name)
        try table.edit(mustExist: false, after: reading) { users throws(AccountsError) in try users.adding(user) }
        Terminal.writeError("added \(name), id \(user.id), to \(table.fullPath)\n")
        if arguments.has("--hash"), !["!", "$argon2id$"].contains(where: user.passwordHash.hasPrefix) {
            Terminal.writeError("note: the next login replaces this hash by one of $argon2id$\n")
        }
    }

    private static func passwd(_ words: [String]) throws(CommandError) {
        let arguments = try Arguments.parse(words, options: [file] + NewPassword.options, operands: ["NAME"])
        let table = table(arguments)
        let name = arguments.operands[0]
        let reading = try table.check { users throws(AccountsError) in try users.changing(name) { _ in } }
        let hash = try NewPassword.hash(arguments, for: name)
        let now = SystemClock.wall.now
        try table.edit(after: reading) { users throws(AccountsError) in
            try users.changing(name) { user in
                user.passwordHash = hash
                user.sessionsFrom = now
            }
        }
        Terminal.writeError(
            "changed the password of \(name) in \(table.fullPath); all earlier sessions have ended\n")
    }

    /// Changes the state of a user.
    ///
    /// - Parameter state: the new state of the user.
    private static func change(
        _ words: [String], _ state: String, _ change: (inout User, UnixMilliseconds) -> Void
    ) throws(CommandError) {
        let arguments = try Arguments.parse(words, options: [file], operands: ["NAME"])
        let now = SystemClock.wall.now
        let (table, name) = (table(arguments), arguments.operands[0])
        try table.edit { users throws(AccountsError) in
            try users.changing(name) { user in change(&user, now) }
        }
        Terminal.writeError("\(name) is \(state) in \(table.fullPath)\n")
    }

    private static func remove(_ words: [String]) throws(CommandError) {
        let arguments = try Arguments.parse(words, options: [file], operands: ["NAME"])
        let name = arguments.operands[0]
        try table(arguments).remove(name) { users throws(AccountsError) in try users.removing(name) }
    }

    private static func list(_ words: [String]) throws(CommandError) {
        let arguments = try Arguments.parse(words, options: [file, .flag("--json")])
        try table(arguments).list("users", asJSON: arguments.has("--json"), \.users) { user in
            let state = AccountsFile<UserDirectory>.state(isDisabled: user.isDisabled)
            return "\(user.id)  \(state)  \(user.name)\(user.roles.isEmpty ? "" : "  ")"
                + user.roles.joined(separator: " ")
        } members: { user, writer in
            writer.member("id", user.id.description)
            writer.member("username", user.name)
            writer.member("roles", user.roles)
            writer.member("scopes", user.scopes)
            writer.member("disabled", user.isDisabled)
            writer.member("sessions_from", user.sessionsFrom.count)
            writer.member("claims", raw: user.claims)
        }
    }

    static func table(_ arguments: Arguments) -> AccountsFile<UserDirectory> {
        AccountsFile(path: arguments.text(.users), setting: .users)
    }

    static func claims(_ words: [String]) throws(CommandError) -> [UInt8] {
        var members: [(name: String, value: String)] = []
        for word in words {
            guard let equals = word.firstIndex(of: "="), equals != word.startIndex else {
                throw .accounts(.invalid(field: "--claim \(word)", expected: "NAME=JSON"))
            }
            members.append((String(word[..<equals]), String(word[word.index(after: equals)...])))
        }
        do throws(AccountsError) { return try Claims.object(members) } catch { throw .accounts(error) }
    }
}
