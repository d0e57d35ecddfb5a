import Accounts
import App
import Encoding
import HTTPClient
import JOSE
import Platform
import Tokens

/// Implements `martlet verify`: verifies tokens in a pipeline, with one exit code.
enum VerifyCommand {
    static let usage = """
        usage: martlet verify (TOKEN | - | --token-env NAME) KEYS [EXPECTATIONS] [OPTIONS]
               martlet verify --junit FILE KEYS [EXPECTATIONS] [OPTIONS]

        Says whether a token is good: its signature, its times, and what is expected of its claims. Works for
        tokens of any issuer. TOKEN is taken from standard input for -, or from the variable NAME; on the
        command line every process of the machine can read it.

        Keys, one of
          --issuer URL      the keys that the issuer's own metadata names (RFC 8414, or OpenID Connect)
          --jwks FILE|URL   a set of keys, or one (JWK, JWK set, PEM)
          --key FILE        a key for --alg ALG; of a secret in text, the line end is not part of it
          --server URL      no keys: this Martlet is asked, so that revocations count

        Expectations
          --issuer URL      iss; together with --jwks, --key or --server it names no keys
          --audience NAME   aud holds this; may be repeated: one of them
          --subject NAME    sub
          --scope SCOPE     scope (or scp) holds this; may be repeated: all of them
          --claim N=VALUE   a claim's value as text; /outer/inner=VALUE for a nested one. VALUE may be several,
                            a|b, of which one has to match, and a* matches what begins with a; \\| and \\*
                            are the characters themselves. May be repeated: all of them
          --claim-json N=J  a claim's value as JSON, of the same type
          --typ TYPE        the header's typ (default: at+jwt, JWT, or none)
          --max-age TIME    since auth_time, or since iat of a token without one
          --min-ttl TIME    what the token must go on for, else the exit code is 4
          --leeway TIME     by which exp and nbf may be missed, up to 60s (default: 0s)

        Options
          --alg ALG         only keys for this algorithm
          --encoding ENC    how the secret in --key is written: text, hex, base64 or base64url
          --max-bytes N     reject longer tokens unread (default and most: 65536)
          --json            the verdict as JSON, the same as --format json
          --format github   the verdict as an annotation of GitHub Actions
          --junit FILE      takes one token a line from standard input and writes a JUnit report
          --no-cache        neither use nor keep fetched keys
          --max-stale TIME  use kept keys so long past their time if their server cannot be asked (default: 0s)
          --timeout TIME    for each question over the network (default: 10s)

        Fetches over https only, or http from this machine itself, and directly: proxies are not used. The
        authorities are the system's, or those of SSL_CERT_FILE. Keys are kept in XDG_CACHE_HOME/martlet, or
        ~/.cache/martlet, for as long as their server says, and looked up anew for an unknown kid or an invalid
        signature.
        Exit code: 0 valid, 1 refused, 2 a mistake in the command line or in a file, 3 could not tell,
        4 valid, but not for --min-ttl. Of many tokens the worst counts: 1, then 3, then 4.

        """

    private static let tokenCountMax = 10_000

    static func run(_ words: [String]) -> Int32 {
        do throws(CommandError) {
            return try verify(VerifyOptions(words))
        } catch {
            return TokenCommand.report(error, "verify", usage: usage)
        }
    }

    private static func verify(_ options: VerifyOptions) throws(CommandError) -> Int32 {
        let tokens = try options.input.read()
        guard tokens.count <= tokenCountMax else { throw .usage("more than \(tokenCountMax) tokens") }
        let verdicts = try verdicts(tokens, options)
        for (index, verdict) in verdicts.enumerated() {
            let number = options.reportPath == nil ? nil : index + 1
            switch options.format {
            case .text: Terminal.write(VerificationResultText.line(verdict, number: number))
            case .json: Terminal.write(VerificationResultText.json(verdict, number: number))
            case .github: Terminal.write(VerificationResultText.annotation(verdict, number: number))
            }
        }
        if let path = options.reportPath {
            do throws(FileError) {
                try AtomicFile.replace(path, with: Array(JUnitReport.text(verdicts).utf8), mode: 0o644)
            } catch {
                throw .usage("\(Printable.short(path)): \(error)")
            }
        }
        return VerificationResult.Outcome.worst(verdicts.map(\.outcome)).exitCode
    }

    private static func verdicts(_ tokens: [[UInt8]], _ options: VerifyOptions) throws(CommandError)
        -> [VerificationResult]
    {
        let now = SystemClock.wall.now
        var client = WebClient()
        client.milliseconds = options.timeout * 1_000
        if case .server(let address) = options.keys {
            let judge = ServerVerification(
                client: client, address: address, expectations: options.expectations,
                timeLeftMin: options.timeLeftMin, byteCountMax: options.byteCountMax, now: now)
            return tokens.map(judge.verdict)
        }
        let source = DocumentSource(
            client: client, cache: options.usesCache ? cache() : nil, staleMax: options.staleMax * 1_000, now: now)
        let shelf: KeyProvider
        do throws(KeyProvider.Fault) {
            shelf = try KeyProvider(
                options.keys, algorithm: options.algorithm, encoding: options.encoding, source: source)
        } catch {
            switch error {
            case .file(let reason): throw .usage(reason)
            case .unknown(let code, let reason): return tokens.map { _ in .unknown(code, reason) }
            }
        }
        let judge = KeySetVerification(
            shelf: shelf, expectations: options.expectations, timeLeftMin: options.timeLeftMin,
            byteCountMax: options.byteCountMax, now: now)
        let verdicts = tokens.map(judge.verdict)
        if shelf.isStale {
            Terminal.writeError("martlet verify: the keys are out of date, and their server cannot be asked\n")
        }
        return verdicts
    }

    /// Returns the cache in the XDG base directory for caches.
    private static func cache() -> DocumentCache? {
        let environment = Environment.values
        if let base = environment["XDG_CACHE_HOME"], base.hasPrefix("/") {
            return DocumentCache(directory: base + "/martlet")
        }
        guard let home = environment["HOME"], home.hasPrefix("/") else { return nil }
        return DocumentCache(directory: home + "/.cache/martlet")
    }
}

/// The common parts of the commands that receive tokens.
enum TokenCommand {
    /// Reports an error like ``Verb``, with two differences: an unexpected word is not repeated, because it can be a
    /// token, and every error gets the exit code of a command line error, because 1 means that a token is rejected.
    static func report(_ fault: CommandError, _ name: String, usage: String) -> Int32 {
        switch fault {
        case .arguments(.helpWanted):
            Terminal.write(usage)
            return ExitCode.ok
        case .arguments(.operandUnexpected): Terminal.writeError("martlet \(name): there is one word too many\n")
        case .arguments(.optionUnknown(let option, let nearest)) where option.utf8.count > 32:
            Terminal.writeError(
                "martlet \(name): \(ArgumentsError.optionUnknown(String(option.prefix(16)), nearest: nearest))\n")
        case .arguments(let fault): Terminal.writeError("martlet \(name): \(Printable.text("\(fault)"))\n")
        case .usage(let reason), .refused(let reason):
            Terminal.writeError("martlet \(name): \(Printable.text(reason))\n")
        case .accounts(let fault): Terminal.writeError("martlet \(name): \(Printable.text("\(fault)"))\n")
        case .unavailable(let reason):
            Terminal.writeError("martlet \(name): \(Printable.text(reason))\n")
            return ExitCode.unavailable
        case .interrupted(let signal): return 128 &+ signal
        }
        return ExitCode.usage
    }
}
