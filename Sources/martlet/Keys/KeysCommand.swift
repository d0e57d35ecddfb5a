import App
import JOSE
import Keys
import OpenSSL
import Platform
import Tokens

/// Implements `martlet keys`: changes the key directory, which running servers reload automatically.
enum KeysCommand {
    static let usage = """
        usage: martlet keys list [--json]
               martlet keys rotate [--alg ALG | --refresh] [--lead TIME]
               martlet keys promote KID
               martlet keys retire KID [--last]
               martlet keys compromise KID
               martlet keys import FILE [--alg ALG] [--purpose access|refresh] [--kid KID] [--lead TIME]
                                   [--encoding text|hex|base64|base64url]
               martlet keys export KID [--public | --private] [--format jwk|jwks|pem]

        Lists, rotates, imports and revokes keys. Every server that uses the directory applies a
        change within a second.

          list        each key with its algorithm, its state, when it signs and until when it verifies
          rotate      creates a successor that is published now and signs after the lead; the old key verifies until
                      its last token has expired, and then the server removes it from the published set
          promote     makes a key sign from now on, without waiting for its lead
          retire      stops a key from signing; its tokens remain valid until they expire
          compromise  revokes a key and everything signed with it, at once and permanently; if no other key
                      signs for the same algorithm, a new key is created immediately
          import      adds an existing key: a JWK, PEM or DER of a private or public key or a
                      certificate, or with --alg HS256 a secret; - is standard input. It signs after the
                      lead, as a successor does, or at once in an empty directory, which also gets a
                      secret for refresh tokens; a public key only verifies. In a text secret, the final line
                      break is not part of the secret; --encoding names the format of a secret
          export      prints the public key, or with --private also the private part

          --keys DIR   the directory (default: \(Setting.keys.fallback))
          --alg ALG    the access token algorithm to rotate (default: MARTLET_ALG, or RS256), or the algorithm of
                       an imported key that names none
          --kid KID    the key ID of an imported key (default: the one it names, or its thumbprint)
          --refresh    rotate the secret of refresh tokens; no user is logged out
          --lead TIME  such as 15m; must exceed the time that verifiers cache the published set (default: MARTLET_KEY_LEAD)
          --last       also retire the only key of its algorithm
          --json       print one JSON array, without secret parts

        States: published, signing, verifying, retired, compromised.
        A change is complete when the running service applies it: the command asks it over the Unix socket that
        MARTLET_OPERATOR_LISTEN names, for at most 10 seconds, and fails if it cannot confirm that.
        If a new key signs within 5 seconds, the change is complete when the service signs with it.
        Exit code: 0 done, 1 failed or not confirmed, 2 error in the command line.

        """

    static func run(_ arguments: [String]) -> Int32 {
        let rest = Array(arguments.dropFirst())
        switch arguments.first {
        case "list": return Verb.run("keys list", usage: usage) { () throws(CommandError) in try list(rest) }
        case "rotate": return Verb.run("keys rotate", usage: usage) { () throws(CommandError) in try rotate(rest) }
        case "promote": return Verb.run("keys promote", usage: usage) { () throws(CommandError) in try promote(rest) }
        case "retire": return Verb.run("keys retire", usage: usage) { () throws(CommandError) in try retire(rest) }
        case "import":
            return Verb.run("keys import", usage: usage) { () throws(CommandError) in
                try KeyTransfer.importKey(rest)
            }
        case "export":
            return Verb.run("keys export", usage: usage) { () throws(CommandError) in
                try KeyTransfer.exportKey(rest)
            }
        case "compromise":
            return Verb.run("keys compromise", usage: usage) { () throws(CommandError) in try compromise(rest) }
        default: return Verb.refuse("keys", arguments.first, usage: usage)
        }
    }

    private static let directoryOption = Arguments.Option.value("--keys")

    private static func list(_ words: [String]) throws(CommandError) {
        let arguments = try Arguments.parse(words, options: [directoryOption, .flag("--json")])
        let directory = directory(arguments)
        let set = try set(directory)
        let now = SystemClock.wall.now
        Terminal.writeError("keys in \(directory.fullPath): \(set.keys.count)\n")
        Terminal.write(arguments.has("--json") ? KeyListing.json(set, at: now) : KeyListing.table(set, at: now))
    }

    private static func rotate(_ words: [String]) throws(CommandError) {
        let arguments = try Arguments.parse(
            words, options: [directoryOption, .value("--alg"), .flag("--refresh"), .value("--lead")])
        guard !arguments.has("--alg") || !arguments.has("--refresh") else {
            throw .usage("--alg and --refresh cannot be combined; refresh tokens are always HS256")
        }
        let settings = try KeyCommandSettings()
        let purpose: Key.Purpose = arguments.has("--refresh") ? .refresh : .access
        let algorithm = try purpose == .refresh ? .hs256 : algorithm(arguments.value("--alg")) ?? settings.algorithm
        let lead = try arguments.value("--lead").map(KeyCommandSettings.milliseconds) ?? settings.lead
        let now = SystemClock.wall.now
        let written = try edit(directory(arguments), now) { (set) throws(KeyStepError) in
            try set.rotation(
                to: made(purpose, algorithm, at: now), at: now, lead: lead, keep: settings.retention.keep)
        }
        if let successor = written.first {
            Terminal.write("\(successor.kid)\n")
            Terminal.writeError("published; signs \(KeyListing.moment(successor.lifecycle.signsFrom))\n")
            try confirmArrival(of: successor, "rotate", arguments, at: now)
        }
        if lead < settings.lead, algorithm.signature != nil {
            Terminal.writeError(
                "note: verifiers may cache the published set for \(settings.setMaxAge) s, but the lead is only \(lead / 1_000) s\n"
            )
        }
    }

    private static func promote(_ words: [String]) throws(CommandError) {
        let arguments = try Arguments.parse(words, options: [directoryOption], operands: ["KID"])
        let now = SystemClock.wall.now
        let settings = try KeyCommandSettings()
        let kid = arguments.operands[0]
        _ = try edit(directory(arguments), now) { (set) throws(KeyStepError) in
            try set.promotion(of: kid, at: now, keep: settings.retention.keep)
        }
        Terminal.writeError("\(kid) signs from the next second\n")
        try confirm("promote", arguments) { keys in keys.contains { $0.kid == kid && $0.state == "signing" } }
    }

    private static func retire(_ words: [String]) throws(CommandError) {
        let arguments = try Arguments.parse(words, options: [directoryOption, .flag("--last")], operands: ["KID"])
        let now = SystemClock.wall.now
        let settings = try KeyCommandSettings()
        let clients = try settings.clients()
        let kid = arguments.operands[0]
        let written = try edit(directory(arguments), now) { (set) throws(KeyStepError) in
            let changed = try set.retirement(
                of: kid, at: now, keep: settings.retention.keep, last: arguments.has("--last"))
            if let missing = settings.newlyMissing(set, changed, clients, at: now) {
                throw .neededSigner(kid: kid, missing)
            }
            return changed
        }
        let end = written.first { $0.kid == kid }?.lifecycle.verifiesUntil
        Terminal.writeError("\(kid) no longer signs, and verifies until \(KeyListing.moment(end))\n")
        try confirm("retire", arguments) { keys in
            !keys.contains { $0.kid == kid && ["signing", "published"].contains($0.state) }
        }
    }

    private static func compromise(_ words: [String]) throws(CommandError) {
        let arguments = try Arguments.parse(words, options: [directoryOption], operands: ["KID"])
        let now = SystemClock.wall.now
        let kid = arguments.operands[0]
        let written = try edit(directory(arguments), now, toleratesFaults: true) { (set) throws(KeyStepError) in
            try set.compromise(of: kid, at: now) { (purpose, algorithm) throws(KeyError) in
                try Key.generate(algorithm, purpose: purpose, createdAt: now)
            }
        }
        let successor = written.first.flatMap { $0.kid == kid ? nil : $0 }
        if let successor { Terminal.write("\(successor.kid)\n") }
        try confirm("compromise", arguments) { keys in
            // If the service never had the key, it has nothing to revoke.
            let isEnded = keys.first { $0.kid == kid }.map { $0.isCompromised && $0.isRevoked } ?? true
            return isEnded && (successor.map { made in keys.contains { $0.kid == made.kid } } ?? true)
        }
        Terminal.writeError("\(kid) and everything signed with it are now rejected\n")
        if let successor { Terminal.writeError("\(successor.kid) now signs instead\n") }
    }

    /// Waits for the confirmation of the service and prints it.
    ///
    /// - Parameter step: the completed step, for messages.
    /// - Returns: false if no running service uses the keys.
    @discardableResult
    static func confirm(
        _ step: String, _ arguments: Arguments, until isApplied: ([ServiceStatus.AppliedKey]) -> Bool
    ) throws(CommandError) -> Bool {
        try KeyConfirmation(path: path(arguments), step: step).wait(until: isApplied)
    }

    /// Waits until the service has a new key, and until it signs with it if that begins soon.
    static func confirmArrival(
        of key: Key, _ step: String, _ arguments: Arguments, at now: UnixMilliseconds
    ) throws(CommandError) {
        let begin = key.lifecycle.signsFrom ?? now
        let signsSoon = key.canSign && begin.milliseconds(since: now) <= KeyConfirmation.signingMilliseconds
        let isConfirmed = try confirm(step, arguments) { keys in
            keys.contains { $0.kid == key.kid && (!signsSoon || $0.state == "signing") }
        }
        if isConfirmed, signsSoon { Terminal.writeError("\(key.kid) signs now\n") }
    }

    static func made(
        _ purpose: Key.Purpose, _ algorithm: Algorithm, at now: UnixMilliseconds
    ) throws(KeyStepError) -> Key {
        do { return try Key.generate(algorithm, purpose: purpose, createdAt: now) } catch { throw .unmade(error) }
    }

    static func algorithm(_ name: String?) throws(CommandError) -> Algorithm? {
        guard let name else { return nil }
        guard let algorithm = Algorithm(foreign: name) else {
            throw .usage("--alg must be one of \(Algorithm.names)")
        }
        return algorithm
    }

    static func directory(_ arguments: Arguments) -> KeyDirectory {
        KeyDirectory(path: path(arguments))
    }

    static func path(_ arguments: Arguments) -> String {
        arguments.text(.keys)
    }

    /// Checks that the directory exists, so that a command with a wrong path does not report that there are no keys.
    static func checkExistence(_ directory: KeyDirectory) throws(CommandError) {
        guard directory.exists else {
            if let fault = CommandError.unreachable(directory.fullPath) { throw fault }
            throw .refused(
                "the directory \(directory.fullPath) does not exist. Name the directory with --keys or MARTLET_KEYS, or run the "
                    + "command in the directory of the service")
        }
    }

    static func set(_ directory: KeyDirectory) throws(CommandError) -> KeySet {
        try checkExistence(directory)
        do { return try directory.read() } catch { throw CommandError(error) }
    }

    static func edit(
        _ directory: KeyDirectory, _ now: UnixMilliseconds, toleratesFaults: Bool = false,
        _ change: (KeySet) throws(KeyStepError) -> [Key]
    ) throws(CommandError) -> [Key] {
        try checkExistence(directory)
        do { return try directory.edit(now: now, toleratesFaults: toleratesFaults, change) } catch {
            throw CommandError(error)
        }
    }
}
