/// Formats the results of many tokens as a JUnit file for CI systems: one test case per token, named by its number.
enum JUnitReport {
    static func text(_ verdicts: [VerificationResult]) -> String {
        let failures = verdicts.count { $0.outcome == .refused || $0.outcome == .expiring }
        let errors = verdicts.count { $0.outcome == .unknown }
        var lines = [
            #"<?xml version="1.0" encoding="UTF-8"?>"#,
            #"<testsuites tests="\#(verdicts.count)" failures="\#(failures)" errors="\#(errors)">"#,
            #"  <testsuite name="martlet verify" tests="\#(verdicts.count)" failures="\#(failures)" errors="\#(errors)" time="0">"#,
        ]
        for (index, verdict) in verdicts.enumerated() { lines += testCase(verdict, number: index + 1) }
        lines += ["  </testsuite>", "</testsuites>", ""]
        return lines.joined(separator: "\n")
    }

    private static func testCase(_ verdict: VerificationResult, number: Int) -> [String] {
        let opening = #"    <testcase classname="martlet.verify" name="token \#(number)" time="0""#
        let element: String
        switch verdict.outcome {
        case .valid: return [opening + "/>"]
        case .refused, .expiring: element = "failure"
        case .unknown: element = "error"
        }
        let sentence = escaped(VerificationResultText.sentence(verdict))
        return [
            opening + ">",
            #"      <\#(element) type="\#(escaped(verdict.code))" message="\#(escaped(verdict.reason))">\#(sentence)</\#(element)>"#,
            "    </testcase>",
        ]
    }

    /// Escapes text for attributes and content. Characters that XML 1.0 §2.2 excludes become U+FFFD, and build commands
    /// are broken up, because CI systems print reports into logs.
    static func escaped(_ text: String) -> String {
        var output = ""
        var last: Unicode.Scalar?
        for scalar in text.unicodeScalars {
            defer { last = scalar }
            switch scalar.value {
            case 0x23 where Printable.isCommand(scalar, after: last): output += "&#35;"
            case 0x26: output += "&amp;"
            case 0x3C: output += "&lt;"
            case 0x3E: output += "&gt;"
            case 0x22: output += "&quot;"
            case 0x27: output += "&apos;"
            case 0x09, 0x0A, 0x0D: output += "&#\(scalar.value);"
            case 0x00..<0x20, 0xFFFE, 0xFFFF: output += "\u{FFFD}"
            default: output.unicodeScalars.append(scalar)
            }
        }
        return output
    }
}
