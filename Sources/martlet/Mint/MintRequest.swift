import Accounts
import App
import Encoding
import Glibc
import JOSE
import Keys
import OpenSSL
import Platform
import Service
import Tokens

/// A token to be minted: its claims, its signing key, and its audit line.
struct MintRequest {
    let statePath: String
    private let issuer: String
    private let keyring: Keyring
    private let grant: AccessGrant
    private let kid: String
    private let reason: String?
    private let isForced: Bool
    private let note: String

    /// Validates the arguments of the command.
    init(_ arguments: Arguments, _ configuration: Configuration, now: UnixMilliseconds) throws(CommandError) {
        let authState = configuration.tokens.auth
        let lifetime = try MintCommand.lifetime(arguments, configuration)
        let audiences = arguments.has("--audience") ? arguments.values("--audience") : [authState.audiences[0]]
        let words = arguments.values("--scope").flatMap { $0.split(separator: " ").map(String.init) }
        guard !arguments.has("--scope") || !words.isEmpty else { throw .usage("--scope is empty") }
        guard words.isEmpty || Scope(words.joined(separator: " ")) != nil else { throw .usage("--scope is no scope") }
        let shared = audiences.filter { authState.sharedSecretAudiences.contains($0) }
        let asked = try KeysCommand.algorithm(arguments.value("--alg"))
        let algorithm = asked ?? (shared.isEmpty ? authState.algorithm : .hs256)
        try Self.checkAudiences(audiences, shared: shared, algorithm, arguments, configuration)
        let roles = arguments.values("--role")
        // Gateways receive the roles in one comma-separated field, where a role with a comma would become two.
        if let role = roles.first(where: { !Names.isRole($0) }) {
            throw .usage(
                "--role \(Printable.short(role)): a role must have 1 to 128 printable ASCII characters without spaces, quotes, "
                    + "backslashes or commas; repeat --role for several")
        }
        let subject: String
        (subject, note) = try Self.subject(arguments, configuration)
        statePath = configuration.journal.statePath
        issuer = authState.issuer
        reason = arguments.value("--reason")
        isForced = arguments.has("--force")
        do throws(KeyDirectoryError) {
            keyring = try KeyDirectory(path: configuration.keys.path).load(now: now)
        } catch {
            throw CommandError(error)
        }
        guard let key = keyring.signingKey(for: algorithm, at: now) else {
            throw .refused("no key in \(configuration.keys.path) signs \(algorithm.rawValue)")
        }
        kid = key.kid
        grant = AccessGrant(
            subject: subject, clientID: arguments.value("--client-id") ?? "martlet-mint", audience: audiences,
            scope: words.joined(separator: " "),
            sid: UUIDv7Generator(clock: SystemClock.wall, random: { Random.next64() }).next(), generation: 0,
            authTime: now.seconds, methods: [], roles: roles,
            extra: try Self.claims(arguments.values("--claim")), issuedAt: now, lifetime: lifetime,
            algorithm: algorithm)
    }

    /// Checks the audiences of a MAC token. Servers accept one only if every audience shares the secret, or if the
    /// client uses that algorithm and may use each of the audiences (docs/security.md). No other MAC token is minted.
    private static func checkAudiences(
        _ audiences: [String], shared: [String], _ algorithm: Algorithm, _ arguments: Arguments,
        _ configuration: Configuration
    ) throws(CommandError) {
        let authState = configuration.tokens.auth
        guard algorithm.isMAC, algorithm != authState.algorithm else { return }
        if algorithm == .hs256, shared.count == audiences.count { return }
        if let id = arguments.value("--client-id") {
            let clients = try AccountsFile<ClientDirectory>(path: configuration.accounts.clientsPath, setting: .clients)
                .read()
            if let client = clients.client(id: id), !client.isDisabled, client.algorithm == algorithm.rawValue,
                audiences.allSatisfy({ authState.audiences.contains($0) && client.mayUse(audience: $0) })
            {
                return
            }
        }
        let names = audiences.map { Printable.short($0) }.joined(separator: ", ")
        throw .usage(
            "no server accepts an \(algorithm.rawValue) token for \(names): all audiences of one must be in "
                + "MARTLET_HS256_AUDIENCES, or --client-id must name a client that has the algorithm and may use them. Mint one "
                + "token for each audience, or name another --alg")
    }

    func sign() throws(CommandError) -> [UInt8] {
        do {
            return try Issuer(keyring: keyring, issuer: issuer).accessToken(grant)
        } catch {
            throw .refused("no token: \(error)")
        }
    }

    var summary: String {
        "signed with \(kid) (\(grant.algorithm.rawValue)) for \(Printable.short(grant.subject)), aud "
            + grant.audience.map { Printable.short($0) }.joined(separator: " ")
            + ", expires in \(TimeText.span(grant.lifetime)) (\(TimeText.moment(grant.expiresAt)))\(note)"
    }

    /// Everything that identifies the token and the operator who requested it, but not the token.
    func auditEvent(_ token: [UInt8]) -> AuditEvent {
        var time: [UInt8] = []
        ISO8601.write(milliseconds: grant.issuedAt, to: &time)
        var writer = JSONWriter()
        writer.beginObject()
        let texts: [(StaticString, String)] = [
            ("time", String(decoding: time, as: UTF8.self)), ("event", "token_minted"),
            ("jti", Self.tokenID(of: token)),
            ("sid", grant.sid.description), ("iss", issuer), ("sub", grant.subject), ("client_id", grant.clientID),
            ("scope", grant.scope), ("alg", grant.algorithm.rawValue), ("kid", kid),
        ]
        for (name, text) in texts { writer.member(name, text) }
        writer.member("aud", grant.audience)
        writer.member("roles", grant.roles)
        writer.member("claims", raw: grant.extra.isEmpty ? Array("{}".utf8) : grant.extra)
        writer.member("exp", grant.expiresAt.count)
        writer.member("forced", isForced)
        writer.member("uid", Int64(getuid()))
        writer.member("reason", optional: reason)
        writer.endObject()
        return AuditEvent(json: writer.bytes)
    }

    private static func tokenID(of token: [UInt8]) -> String {
        guard let parts = try? UnverifiedJWS(token.span) else { return "" }
        var document = JSONDocument()
        guard (try? document.parse(parts.payload.span)) != nil,
            let node = document.member("jti", of: 0, in: parts.payload.span)
        else { return "" }
        return document.string(node, in: parts.payload.span) ?? ""
    }

    private static func subject(
        _ arguments: Arguments, _ configuration: Configuration
    ) throws(CommandError) -> (String, note: String) {
        switch (arguments.value("--user"), arguments.value("--subject")) {
        case (let name?, nil):
            let users = try AccountsFile<UserDirectory>(path: configuration.accounts.usersPath, setting: .users).read()
            guard let user = users.user(named: name) else {
                throw .refused("\(configuration.accounts.usersPath) has no user \(Printable.short(name))")
            }
            return (user.id.description, user.isDisabled ? "; the user is disabled, so a server will reject it" : "")
        case (nil, let subject?):
            guard !subject.isEmpty else { throw .usage("--subject is empty") }
            guard !Names.isReserved(subject) else {
                throw .usage("--subject must not begin with client: or external:, which no user's id does")
            }
            return (subject, "")
        case (nil, nil): throw .usage("name the subject: --user or --subject")
        case (_?, _?): throw .usage("--user and --subject cannot be combined")
        }
    }

    private static func claims(_ words: [String]) throws(CommandError) -> [UInt8] {
        guard !words.isEmpty else { return [] }
        var members: [(name: String, value: String)] = []
        for word in words {
            guard let equals = word.firstIndex(of: "="), equals != word.startIndex else {
                throw .usage("--claim requires NAME=JSON")
            }
            members.append((String(word[..<equals]), String(word[word.index(after: equals)...])))
        }
        do throws(AccountsError) { return try Claims.object(members) } catch { throw .accounts(error) }
    }
}
