import Accounts
import App
import Encoding
import Glibc
import OpenSSL
import Platform
import Service
import Tokens

/// Implements `martlet mint`: creates an access token without a login. The token is signed with the local keys and
/// recorded in the audit log before it is printed.
enum MintCommand {
    static let usage = """
        usage: martlet mint (--user NAME | --subject ID) [OPTIONS]

        Signs one access token with the newest key of the directory and prints it, for tests and for emergency
        access: no login takes place and no password is needed. Before it prints the token, the command writes a
        line to audit.log next to the journal and syncs it. A running server accepts the token like any other. It can be
        revoked by its jti, its session or its subject.

          --user NAME        the subject is this user's id
          --subject ID       the literal subject; /verify rejects a subject that is not the id of a user
          --audience NAME    may be repeated (default: the first of MARTLET_AUDIENCE)
          --client-id ID     (default: martlet-mint)
          --scope SCOPE      a scope; may be repeated
          --role ROLE        a role; may be repeated
          --claim NAME=JSON  a claim; may be repeated
          --ttl TIME         (default: MARTLET_ACCESS_TTL, which is also the maximum without --force)
          --alg ALG          (default: the one that the server would use)
          --reason TEXT      the reason, for the audit line
          --force            allows a --ttl of up to \(forcedMax)
          --keys DIR         (default: \(Setting.keys.fallback))
          --state DIR        the journal's directory (default: \(Setting.state.fallback))
          --users FILE       (default: \(Setting.users.fallback))

        The issuer is MARTLET_ISSUER. Exit code: 0 printed, 1 failed, 2 error in the command line.

        """

    private static let forcedMax = TimeSpan.text(TokenLimits.standard.mintedLifetimeMax)

    static func run(_ words: [String]) -> Int32 {
        Verb.run("mint", usage: usage) { () throws(CommandError) in try mint(words) }
    }

    private static func mint(_ words: [String]) throws(CommandError) {
        let arguments = try Arguments.parse(
            words,
            options: [
                .value("--user"), .value("--subject"), .list("--audience"), .value("--client-id"), .list("--scope"),
                .list("--role"), .list("--claim"), .value("--ttl"), .value("--alg"), .value("--reason"),
                .flag("--force"),
                .value("--keys"), .value("--state"), .value("--users"),
            ])
        let order = try MintRequest(arguments, try configuration(arguments), now: SystemClock.wall.now)
        let token = try order.sign()
        let audit: any AuditSink = AuditFile(directory: order.statePath)
        do throws(AuditError) {
            try audit.append(order.auditEvent(token))
        } catch {
            let reason = "the audit line could not be written, so no token was printed: \(error)"
            throw error.mayPass ? .unavailable(reason) : .refused(reason)
        }
        Terminal.writeError(order.summary + "; recorded in \(audit.location)\n")
        Terminal.write(String(decoding: token, as: UTF8.self) + "\n")
    }

    /// Returns the settings of the service, overridden by the options of the command.
    private static func configuration(_ arguments: Arguments) throws(CommandError) -> Configuration {
        var values = Environment.values
        for setting in [Setting.keys, .state, .users] {
            if let value = arguments.value(setting.flag) { values[setting.name] = value }
        }
        do throws(ConfigurationError) {
            return try Configuration(environment: values, cores: Environment.coreCount)
        } catch {
            throw CommandError(error)
        }
    }

    /// Returns the requested lifetime in seconds.
    static func lifetime(_ arguments: Arguments, _ configuration: Configuration) throws(CommandError) -> Int64 {
        let longest = configuration.tokens.auth.accessLifetime
        guard let text = arguments.value("--ttl") else { return longest }
        guard let seconds = TimeText.seconds(text), seconds > 0 else { throw .usage("--ttl must be a time such as 5m") }
        if arguments.has("--force") {
            guard seconds <= TokenLimits.standard.mintedLifetimeMax else {
                throw .usage("--ttl must be at most \(forcedMax), even with --force")
            }
            return seconds
        }
        guard seconds <= longest else {
            throw .usage(
                "a token of this service is valid for at most \(TimeText.span(longest)) (MARTLET_ACCESS_TTL); "
                    + "--force allows up to \(forcedMax)")
        }
        return seconds
    }
}
