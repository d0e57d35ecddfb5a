import App
import Encoding
import JOSE
import Platform
import Tokens

/// Implements `martlet decode`: shows the unverified content of a token for debugging.
enum DecodeCommand {
    static let usage = """
        usage: martlet decode (TOKEN | - | --token-env NAME) [--json] [--max-bytes N]

        Prints a token's header and claims unchanged, and its times as dates. Nothing is verified:
        anyone can create a token with any content.

          --json         one JSON object: unverified, header, claims, times, signature_octets
          --max-bytes N  reject longer tokens (default and maximum: 65536)

        Exit code: 0 printed, 1 not a token with JSON inside, 2 error in the command line.

        """

    private static let times = ["iat", "nbf", "exp", "auth_time", "updated_at", "sxp"]

    static func run(_ words: [String]) -> Int32 {
        do throws(CommandError) {
            return try decode(words)
        } catch {
            return TokenCommand.report(error, "decode", usage: usage)
        }
    }

    private static func decode(_ words: [String]) throws(CommandError) -> Int32 {
        let arguments = try Arguments.parse(
            words, options: [.flag("--json"), .value("--token-env"), .value("--max-bytes")], operands: ["TOKEN"],
            optionalCount: 1)
        let byteCountMax = try VerifyOptions.byteCountMax(arguments)
        let token = try TokenInput(arguments).read().first ?? []
        if let complaint = VerificationResult.complaint(about: token) {
            Terminal.writeError("martlet decode: \(complaint.reason)\n")
            return ExitCode.failed
        }
        let parts: UnverifiedJWS
        do throws(TokenRejection) {
            parts = try UnverifiedJWS(token.span, byteCountMax: byteCountMax)
        } catch {
            Terminal.writeError("martlet decode: \(VerificationResult(error).reason)\n")
            return ExitCode.failed
        }
        let isJSON = arguments.has("--json")
        guard let header = JSONRendering.text(parts.header, isPretty: !isJSON),
            let claims = JSONRendering.text(parts.payload, isPretty: !isJSON)
        else {
            Terminal.writeError("martlet decode: the header or the payload is not strict JSON\n")
            return ExitCode.failed
        }
        let moments = moments(parts.payload)
        if isJSON {
            let dates = moments.map { "\"\($0.name)\":\"\(TimeText.moment($0.seconds))\"" }.joined(separator: ",")
            Terminal.write(
                "{\"unverified\":true,\"header\":\(header),\"claims\":\(claims),\"times\":{\(dates)},"
                    + "\"signature_octets\":\(parts.signatureByteCount)}\n")
            return ExitCode.ok
        }
        let now = SystemClock.wall.now.seconds
        let rows = moments.map {
            "  \($0.name.padded(to: 10)) \(TimeText.moment($0.seconds))  \(distance($0.seconds, now))\n"
        }
        Terminal.write(
            """
            UNVERIFIED: anyone can create such a token. Neither the signature nor a claim was checked.

            header \(header)

            claims \(claims)
            \(rows.isEmpty ? "" : "\ntimes\n" + rows.joined())
            signature of \(parts.signatureByteCount) bytes, UNVERIFIED

            """)
        return ExitCode.ok
    }

    /// Returns the claims among ``times`` that are numbers, without fractions of a second.
    private static func moments(_ payload: [UInt8]) -> [(name: String, seconds: UnixSeconds)] {
        let bytes = payload.span
        var document = JSONDocument(limits: JSONLimits(memberMax: 65_536))
        guard (try? document.parse(bytes)) != nil else { return [] }
        return times.compactMap { name in
            guard let node = ClaimPath(name)?.find(in: document, payload.span),
                let seconds = document.number(node, in: payload.span)?.secondsRoundedDown
            else { return nil }
            return (name, seconds)
        }
    }

    private static func distance(_ seconds: UnixSeconds, _ now: UnixSeconds) -> String {
        seconds > now
            ? "in \(TimeText.span(seconds.seconds(since: now)))" : "\(TimeText.span(now.seconds(since: seconds))) ago"
    }
}
