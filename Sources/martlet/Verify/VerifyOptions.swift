import Glibc
import HTTPClient
import JOSE
import Tokens

/// The options of `martlet verify`, parsed and validated before anything is read or requested.
struct VerifyOptions {
    enum Keys: Equatable {
        case file(String)
        case url(WebAddress)
        /// The keys are found through the metadata of the issuer.
        case issuer(String)
        /// No keys: a Martlet server verifies each token.
        case server(WebAddress)
    }

    enum Format: String, CaseIterable {
        case text, json, github
    }

    let keys: Keys
    let algorithm: Algorithm?
    let encoding: SecretEncoding?
    /// The maximum length of a token in bytes; a longer one is rejected without parsing.
    let byteCountMax: Int
    let expectations: TokenExpectations
    let input: TokenInput
    /// Seconds.
    let timeLeftMin: Int64
    let format: Format
    /// For many tokens, one per line.
    let reportPath: String?
    let usesCache: Bool
    /// How many seconds stale keys may be used while their server is unreachable.
    let staleMax: Int64
    /// The time limit of one network request in seconds.
    let timeout: Int64
    /// What tokens are compared with; nil to ignore revocations.
    let revocations: RevocationSource?

    private static let options: [Arguments.Option] = [
        .value("--token-env"), .value("--max-bytes"), .value("--encoding"), .value("--jwks"), .value("--issuer"),
        .value("--key"), .value("--alg"),
        .value("--server"),
        .list("--audience"), .value("--subject"), .list("--scope"), .list("--claim"), .list("--claim-json"),
        .value("--max-age"), .value("--min-ttl"), .value("--leeway"), .value("--typ"), .flag("--json"),
        .value("--format"), .value("--junit"), .flag("--no-cache"), .value("--max-stale"), .value("--timeout"),
        .value("--revocations"), .value("--revocations-max-age"), .value("--revocations-client"),
    ]

    init(_ words: [String]) throws(CommandError) {
        let arguments = try Arguments.parse(words, options: Self.options, operands: ["TOKEN"], optionalCount: 1)
        reportPath = arguments.value("--junit")
        input = try TokenInput(arguments, isMany: reportPath != nil)
        keys = try Self.keys(arguments)
        algorithm = try Self.algorithm(arguments)
        if case .file = keys, arguments.has("--key"), algorithm == nil { throw .usage("--key needs --alg") }
        guard !arguments.has("--encoding") || arguments.has("--key") else { throw .usage("--encoding requires --key") }
        encoding = try SecretEncoding.named(arguments.value("--encoding"), for: algorithm)
        byteCountMax = try Self.byteCountMax(arguments)
        if case .server = keys, algorithm != nil {
            throw .usage("--alg cannot be combined with --server, which knows its own keys")
        }
        expectations = try Self.expectations(arguments)
        timeLeftMin = try Self.seconds(arguments, "--min-ttl", within: 0...31_536_000) ?? 0
        format = try Self.format(arguments)
        usesCache = !arguments.has("--no-cache")
        staleMax = try Self.seconds(arguments, "--max-stale", within: 0...604_800) ?? 0
        timeout = try Self.seconds(arguments, "--timeout", within: 1...60) ?? 10
        revocations = try Self.revocations(arguments, expectations)
        if revocations != nil, case .server = keys {
            throw .usage("--revocations cannot be combined with --server, which knows what was revoked")
        }
    }

    private static func revocations(
        _ arguments: Arguments, _ expectations: TokenExpectations
    ) throws(CommandError) -> RevocationSource? {
        let ageMax = try seconds(arguments, "--revocations-max-age", within: 0...31_536_000) ?? 3_600
        guard let text = arguments.value("--revocations") else {
            for option in ["--revocations-max-age", "--revocations-client"] where arguments.has(option) {
                throw .usage("\(option) requires --revocations")
            }
            return nil
        }
        let isURL = text.contains("://")
        guard isURL || !arguments.has("--revocations-client") else {
            throw .usage("--revocations-client is for a URL in --revocations")
        }
        return RevocationSource(
            place: isURL ? .url(try address(text, "--revocations")) : .file(text), issuer: expectations.issuer,
            ageMax: ageMax, leeway: max(60, expectations.leeway), clientPath: arguments.value("--revocations-client"))
    }

    /// Reads `--max-bytes`, which every command that receives a token has.
    static func byteCountMax(_ arguments: Arguments) throws(CommandError) -> Int {
        let most = CompactJWS.foreignByteCountMax
        guard let text = arguments.value("--max-bytes") else { return most }
        guard text.utf8.count <= 5, text.utf8.allSatisfy({ 0x30...0x39 ~= $0 }), let count = Int(text), count > 0,
            count <= most
        else { throw .usage("--max-bytes must be a number from 1 to \(most)") }
        return count
    }

    private static func keys(_ arguments: Arguments) throws(CommandError) -> Keys {
        let named = ["--jwks", "--key", "--server"].filter { arguments.has($0) }
        guard named.count <= 1 else { throw .usage("\(named.joined(separator: " and ")) cannot be combined") }
        if let path = arguments.value("--key") { return .file(path) }
        if let text = arguments.value("--server") {
            let base = try address(text, "--server")
            guard !base.target.contains("?") else { throw .usage("--server accepts no query") }
            return .server(base.at(base.target.hasSuffix("/") ? base.target + "verify" : base.target + "/verify"))
        }
        if let text = arguments.value("--jwks") {
            return text.contains("://") ? .url(try address(text, "--jwks")) : .file(text)
        }
        guard let issuer = arguments.value("--issuer") else {
            throw .usage("name the keys: --issuer, --jwks, --key or --server")
        }
        do throws(FetchError) { _ = try IssuerDiscovery(issuer: issuer) } catch { throw .usage("--issuer: \(error)") }
        return .issuer(issuer)
    }

    private static func address(_ text: String, _ option: String) throws(CommandError) -> WebAddress {
        do throws(FetchError) { return try WebAddress(text) } catch { throw .usage("\(option): \(error)") }
    }

    static func algorithm(_ arguments: Arguments) throws(CommandError) -> Algorithm? {
        try KeysCommand.algorithm(arguments.value("--alg"))
    }

    private static func expectations(_ arguments: Arguments) throws(CommandError) -> TokenExpectations {
        var expectations = TokenExpectations()
        expectations.issuer = arguments.value("--issuer")
        expectations.audiences = arguments.values("--audience")
        expectations.subject = arguments.value("--subject")
        expectations.scopes = arguments.values("--scope").flatMap { $0.split(separator: " ").map(String.init) }
        guard !arguments.has("--scope") || !expectations.scopes.isEmpty else { throw .usage("--scope is empty") }
        expectations.type = arguments.value("--typ")
        expectations.ageMax = try seconds(arguments, "--max-age", within: 0...31_536_000)
        expectations.leeway = try seconds(arguments, "--leeway", within: 0...TokenLimits.standard.leewayMax) ?? 0
        for word in arguments.values("--claim") {
            let (path, value) = try claim(word, "--claim")
            guard let claim = ClaimExpectation(path, text: value) else {
                throw .usage(
                    "--claim \(Printable.short(path.text)): an alternative is empty or only a *, which matches any value. "
                        + "Write \\| and \\* for the characters themselves")
            }
            expectations.claims.append(claim)
        }
        for word in arguments.values("--claim-json") {
            let (path, value) = try claim(word, "--claim-json")
            guard let claim = try? ClaimExpectation(path, json: value) else {
                throw .usage("--claim-json \(Printable.short(path.text)): the value is not JSON")
            }
            expectations.claims.append(claim)
        }
        return expectations
    }

    private static func claim(_ word: String, _ option: String) throws(CommandError) -> (ClaimPath, String) {
        guard let equals = word.firstIndex(of: "="), let path = ClaimPath(String(word[..<equals])) else {
            throw .usage("\(option) requires name=value or /outer/inner=value")
        }
        return (path, String(word[word.index(after: equals)...]))
    }

    private static func seconds(
        _ arguments: Arguments, _ option: String, within range: ClosedRange<Int64>
    ) throws(CommandError) -> Int64? {
        guard let text = arguments.value(option) else { return nil }
        guard let seconds = TimeText.seconds(text), range.contains(seconds) else {
            throw .usage(
                "\(option) must be a time such as 30s, 5m or 1h, from \(range.lowerBound)s to \(range.upperBound)s")
        }
        return seconds
    }

    private static func format(_ arguments: Arguments) throws(CommandError) -> Format {
        guard let text = arguments.value("--format") else { return arguments.has("--json") ? .json : .text }
        guard let format = Format(rawValue: text), !arguments.has("--json") || format == .json else {
            throw .usage("--format must be text, json or github")
        }
        return format
    }
}
