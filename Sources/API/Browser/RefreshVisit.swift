import HTTP

/// A browser that visits `/refresh` on its way to a page, with its tokens in cookies.
struct RefreshVisit: Sendable {
    /// What the browser has already done on this way. A second time, nothing would change.
    enum Step: String, CaseIterable {
        /// It has loaded the page that leads here from here, so that it sends its Strict cookies.
        case bounced
        /// It has just received new cookies.
        case check
    }

    let address: ReturnAddress
    let step: Step?

    /// - Throws: `request_malformed` for a parameter that is not known.
    init(_ request: borrowing Request, _ browser: Browser) throws(Problem) {
        var query = try Query(request)
        let addresses = query.take("return")
        // Two addresses are as good as none: it is not clear which of them counts.
        address = browser.returnAddress(addresses.count == 1 ? addresses.first : nil)
        let steps = query.take("step")
        step = steps.first.flatMap(Step.init(rawValue:))
        guard steps.isEmpty || (steps.count == 1 && step != nil) else {
            throw Problem(.requestMalformed, "The parameter step must be bounced or check, once.")
        }
        if let unknown = query.pairs.first {
            throw Problem(.requestMalformed, "Unknown parameter: \(MemberNames.quoted(unknown.name.utf8)).")
        }
    }
}

extension Browser {
    /// Where a browser gets new cookies and then goes on to `address`.
    func refreshPath(_ address: ReturnAddress, _ step: RefreshVisit.Step? = nil) -> String {
        "\(publicPath)/refresh?return=\(QueryValue.encoded(address.text))" + (step.map { "&step=\($0.rawValue)" } ?? "")
    }

    /// Where a user enters the password and then goes on to `address`.
    ///
    /// - Parameter ageMax: asks for the password again if it was entered more than so many seconds ago.
    func signInPath(_ address: ReturnAddress, ageMax: Int64? = nil) -> String {
        "\(publicPath)/signin?return=\(QueryValue.encoded(address.text))" + (ageMax.map { "&max_age=\($0)" } ?? "")
    }
}

/// How a value is written in a query.
enum QueryValue {
    /// Everything but unreserved characters and slashes is percent-encoded (RFC 3986 §3.4).
    static func encoded(_ text: String) -> String {
        var output: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, 0x2d, 0x2e, 0x2f, 0x5f, 0x7e: output.append(byte)
            default: output += [UInt8(ascii: "%"), hexDigit(byte >> 4), hexDigit(byte & 15)]
            }
        }
        return String(decoding: output, as: UTF8.self)
    }

    private static func hexDigit(_ value: UInt8) -> UInt8 { value < 10 ? 0x30 + value : 0x37 + value }
}

extension Route {
    /// `GET /refresh`.
    static let refreshVisit = Operation(
        method: .get, id: "refreshAndReturn", tag: "sessions", summary: "Refresh the cookies and go back to a page.",
        description: """
            Only in browser mode (MARTLET_BROWSER=on), and only for navigations: a gateway sends a browser here whose access cookie has expired, and no script is needed. A page of another site that leads here does not bring the refresh cookie, so the answer may be a page that loads this address again at once. A session whose access cookie is still valid is not refreshed.
            """,
        security: [.cookie],
        parameters: [
            Operation.Parameter(
                name: "return", schema: .string,
                description:
                    "Where the browser goes: a path, or a URL whose origin is in MARTLET_ORIGINS. Anything else is ignored, and MARTLET_AFTER_SIGNIN is used."
            ),
            Operation.Parameter(
                name: "step", schema: .string(values: RefreshVisit.Step.allCases.map(\.rawValue)),
                description: "Set by Martlet on the way, so that no browser goes around in a circle."),
        ],
        codes: [.csrfFailed, .originNotAllowed],
        answers: [
            Operation.Answer(
                status: 200, description: "A page that leads here once more, or on to the page.",
                content: Operation.Content(type: "text/html; charset=utf-8", schema: .string)),
            Operation.Answer(
                status: 303,
                description: "To the page with new cookies, or to the sign-in if there is no living session.",
                headers: [
                    Operation.Header(name: "Location", schema: .string),
                    Operation.Header(name: "Refresh-Outcome", schema: .string(values: ["rotated", "replayed"])),
                    Operation.cookieHeader,
                ]),
            Operation.Answer(
                status: 409, description: "A page that says that the browser does not keep cookies.",
                content: Operation.Content(type: "text/html; charset=utf-8", schema: .string)),
            problemPage(400), problemPage(503),
        ])
}
