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

        Verifies a token: its signature, its times and the expected claims. Works for
        tokens of any issuer. TOKEN is read from standard input for -, or from the variable NAME. On the
        command line, every process of the machine can read it.

        Keys (one of these)
          --issuer URL      fetch the keys named in the issuer's metadata (RFC 8414 or OpenID Connect)
          --jwks FILE|URL   a key set or one key (JWK, JWK set, PEM)
          --key FILE        a key for --alg ALG; in a text secret, the final line break is not part of it
          --server URL      ask this Martlet server, so that revocations count; needs no keys

        Expectations
          --issuer URL      the expected iss; with --jwks, --key or --server it does not select keys
          --audience NAME   aud must contain this; if repeated, one of them
          --subject NAME    the expected sub
          --scope SCOPE     scope (or scp) must contain this; if repeated, all of them
          --claim N=VALUE   the expected value of a claim, as text; /outer/inner=VALUE for a nested one. VALUE may list
                            alternatives, a|b, and a* matches every value that begins with a; write \\| and \\* for
                            these characters themselves. If repeated, all must match
          --claim-json N=J  the expected value of a claim as JSON, of the same type
          --typ TYPE        the expected typ in the header (default: at+jwt, JWT or none)
          --max-age TIME    maximum age since auth_time, or since iat if the token has no auth_time
          --min-ttl TIME    minimum remaining lifetime; with less, the exit code is 4
          --leeway TIME     tolerance for exp and nbf, up to 60s (default: 0s)

        Revocations
          --revocations FILE|URL      reject what was revoked, by a snapshot: GET /revocations/snapshot of the issuer.
                            It must be signed by one of the keys; URL: fetch it
          --revocations-max-age TIME  maximum age of the snapshot (default: 1h); an older one decides nothing
          --revocations-client FILE   a file with client_id:secret, for URL

        Options
          --alg ALG         use only keys for this algorithm
          --encoding ENC    format of the secret in --key: text, hex, base64 or base64url
          --max-bytes N     reject longer tokens without reading them (default and maximum: 65536)
          --json            print the result as JSON, same as --format json
          --format github   print the result as a GitHub Actions annotation
          --junit FILE      read one token per line from standard input and write a JUnit report
          --no-cache        do not use or store cached keys
          --max-stale TIME  use expired cached keys for this long if their server is unreachable (default: 0s)
          --timeout TIME    for each network request (default: 10s)

        Keys are fetched over https, or over http from this machine only. Proxies are not used. The
        trusted authorities are the system's, or those in SSL_CERT_FILE. Keys are cached in XDG_CACHE_HOME/martlet, or
        ~/.cache/martlet, as long as their server allows, and fetched again for an unknown kid or an invalid
        signature.
        Exit code: 0 valid, 1 rejected, 2 error in the command line or in a file, 3 undecided,
        4 valid, but for less than --min-ttl. With several tokens the worst result counts: 1, then 3, then 4.

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
            client: client, cache: options.usesCache ? cache() : nil, staleMax: options.staleMax * 1_000,
            now: now)
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
        let revocations: CheckedRevocations?
        do throws(KeyProvider.Fault) {
            revocations = try options.revocations?.load(shelf, client: client, now: now)
        } catch {
            switch error {
            case .file(let reason): throw .usage(reason)
            case .unknown(let code, let reason): return tokens.map { _ in .unknown(code, reason) }
            }
        }
        let judge = KeySetVerification(
            shelf: shelf, expectations: options.expectations, timeLeftMin: options.timeLeftMin,
            byteCountMax: options.byteCountMax, now: now)
        let verdicts = tokens.map { token in
            let verdict = judge.verdict(token)
            return revocations?.verdict(verdict) ?? verdict
        }
        if shelf.isStale {
            Terminal.writeError("martlet verify: the cached keys are out of date, and their server cannot be reached\n")
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
        case .arguments(.operandUnexpected): Terminal.writeError("martlet \(name): unexpected extra argument\n")
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
