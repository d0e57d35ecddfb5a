import Accounts
import JOSE
import Platform
import Tokens

/// Implements `martlet jws verify`: verifies the signature of any payload, without claims.
enum JWSCommand {
    static let usage = """
        usage: martlet jws verify --key FILE [--alg ALG] [--encoding ENC] [--max-bytes N]
                                  (TOKEN | --token-file FILE | --token-env NAME | -)

        Checks the signature of a compact JWS (RFC 7515) and nothing else: the payload may be anything, and
        no claim is checked. FILE contains a JWK, a JWK set or a PEM key. A token with a kid is
        checked with the keys that have this kid or none, a token without a kid with all keys.

          --alg ALG       the algorithm (default: the one that the key names, or those that fit it)
          --encoding ENC  format of a secret in FILE: text, hex, base64 or base64url
          --max-bytes N   reject longer tokens (default and maximum: 65536)

        Exit code: 0 valid signature, 1 invalid, or the key or ALG does not fit, 2 error in
        the command line.

        """

    static func run(_ arguments: [String]) -> Int32 {
        guard arguments.first == "verify" else { return Verb.refuse("jws", arguments.first, usage: usage) }
        do throws(CommandError) {
            return try verify(Array(arguments.dropFirst()))
        } catch {
            return TokenCommand.report(error, "jws verify", usage: usage)
        }
    }

    private static func verify(_ words: [String]) throws(CommandError) -> Int32 {
        let options: [Arguments.Option] = [
            .value("--key"), .value("--alg"), .value("--token-file"), .value("--token-env"), .value("--encoding"),
            .value("--max-bytes"),
        ]
        let arguments = try Arguments.parse(words, options: options, operands: ["TOKEN"], optionalCount: 1)
        guard let path = arguments.value("--key") else { throw .usage("--key is missing") }
        guard let token = try TokenInput(arguments).read().first else { throw .arguments(.operandMissing("TOKEN")) }
        let byteCountMax = try VerifyOptions.byteCountMax(arguments)
        let file: [UInt8]
        do throws(FileError) {
            file = try AtomicFile.read(path, byteCountMax: 1_048_576)
        } catch {
            throw .usage("\(Printable.short(path)): \(error)")
        }
        let algorithm = arguments.value("--alg").flatMap(Algorithm.init(foreign:))
        // Keys with an encryption algorithm or an unsupported one cannot verify any signature.
        if arguments.has("--alg"), algorithm == nil {
            Terminal.write("rejected: alg_not_allowed: --alg is none of \(Algorithm.names)\n")
            return ExitCode.failed
        }
        let encoding = try SecretEncoding.named(arguments.value("--encoding"), for: algorithm)
        let bytes = try SecretEncoding.keyBytes(in: file, algorithm, encoding, name: path)
        if let complaint = VerificationResult.complaint(about: token) {
            Terminal.write("refused: \(complaint.code): \(complaint.reason)\n")
            return ExitCode.failed
        }
        let content: VerifiedJWS
        do {
            content = try VerificationKeySet(parsing: bytes.span, algorithm: algorithm)
                .check(token.span, byteCountMax: byteCountMax)
        } catch let rejection as TokenRejection {
            Terminal.write("rejected: \(VerificationResult(rejection).code): \(VerificationResult(rejection).reason)\n")
            return ExitCode.failed
        } catch {
            // An unusable key cannot verify the signature, so the token is rejected.
            Terminal.write("rejected: key_unusable: \(Printable.short("\(error)"))\n")
            return ExitCode.failed
        }
        let name = content.kid.map { " by the key \(Printable.short($0))" } ?? ""
        Terminal.write("valid: \(content.algorithm.rawValue)\(name), \(content.payload.count) bytes of payload\n")
        return ExitCode.ok
    }
}
