import Encoding
import Tokens

/// Formats a result for readers and pipelines. No format contains the token, and a rejected token shows no claims.
enum VerificationResultText {
    /// Formats a result as one line.
    ///
    /// - Parameter number: the number of the token, if there are several.
    static func line(_ verdict: VerificationResult, number: Int?) -> String {
        let place = number.map { "token \($0): " } ?? ""
        return "\(place)\(sentence(verdict))\n"
    }

    /// Formats a result as one JSON object on a line.
    static func json(_ verdict: VerificationResult, number: Int?) -> String {
        var writer = JSONWriter()
        writer.beginObject()
        if let number {
            writer.name("token")
            writer.integer(Int64(number))
        }
        writer.name("verdict")
        writer.string(verdict.outcome.rawValue)
        if !verdict.code.isEmpty {
            writer.name("code")
            writer.string(verdict.code)
        }
        writer.name("reason")
        writer.string(verdict.reason)
        if let facts = verdict.facts {
            writer.name("expires_in")
            writer.integer(facts.timeLeft)
            writer.name("alg")
            writer.string(facts.algorithm)
            if let kid = facts.kid {
                writer.name("kid")
                writer.string(kid)
            }
            if let claims = JSONRendering.text(facts.payload, isPretty: false) {
                writer.name("claims")
                writer.raw(Array(claims.utf8))
            }
        }
        writer.endObject()
        return JSONRendering.escaped(String(decoding: writer.bytes, as: UTF8.self)) + "\n"
    }

    /// Formats a result as a workflow command of GitHub Actions, which shows it with the run.
    static func annotation(_ verdict: VerificationResult, number: Int?) -> String {
        let command =
            switch verdict.outcome {
            case .valid: "notice"
            case .expiring: "warning"
            case .unknown, .refused: "error"
            }
        let title = "martlet verify" + (number.map { ", token \($0)" } ?? "")
        return "::\(command) title=\(property(title))::\(data(sentence(verdict)))\n"
    }

    static func sentence(_ verdict: VerificationResult) -> String {
        let word =
            switch verdict.outcome {
            case .valid: "valid"
            case .expiring: "expiring"
            case .unknown: "undecided"
            case .refused: "rejected"
            }
        guard let facts = verdict.facts else { return "\(word): \(verdict.code): \(Printable.text(verdict.reason))" }
        let claims = facts.claims
        var parts: [String] = []
        if let subject = claims.subject { parts.append("sub " + shown(subject)) }
        if let issuer = claims.issuer { parts.append("iss " + shown(issuer)) }
        parts.append("\(facts.algorithm)")
        parts.append("expires in \(TimeText.span(facts.timeLeft)) (\(TimeText.moment(claims.expiresAt)))")
        return "\(word): \(parts.joined(separator: ", "))"
    }

    private static func shown(_ octets: [UInt8]) -> String {
        Printable.short(String(decoding: octets, as: UTF8.self))
    }

    /// Escapes the text after `::`, which must not end the line or begin another command.
    static func data(_ text: String) -> String {
        escaped(text, ["%": "%25", "\r": "%0D", "\n": "%0A"])
    }

    static func property(_ text: String) -> String {
        escaped(text, ["%": "%25", "\r": "%0D", "\n": "%0A", ":": "%3A", ",": "%2C"])
    }

    private static func escaped(_ text: String, _ names: [Unicode.Scalar: String]) -> String {
        var output = ""
        for scalar in text.unicodeScalars {
            if let name = names[scalar] { output += name } else { output.unicodeScalars.append(scalar) }
        }
        return output
    }
}
