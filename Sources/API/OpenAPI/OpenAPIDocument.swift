import HTTP

/// The OpenAPI 3.1 document, made from the routes, the problem codes and the settings, so that none of them can change
/// without it. `martlet openapi` prints it; `openapi.yaml` at the root is its output.
package struct OpenAPIDocument {
    /// A setting, as the document describes it.
    package struct SettingText: Sendable {
        package let name: String
        package let flag: String
        package let defaultText: String
        package let summary: String

        package init(name: String, flag: String, defaultText: String, summary: String) {
            self.name = name
            self.flag = flag
            self.defaultText = defaultText
            self.summary = summary
        }
    }

    package let text: String

    package init(version: String, settings: [SettingText]) {
        var lines = Self.front(version: version)
        lines.append("paths:")
        for route in RouteTable.standard.routes { lines += Self.path(route) }
        lines += Self.components
        lines += ["x-martlet-settings:"]
        for setting in settings {
            lines += [
                "  - name: \(setting.name)", "    flag: \(YAML.quoted(setting.flag))",
                "    default: \(YAML.quoted(setting.defaultText))", "    summary: \(YAML.quoted(setting.summary))",
            ]
        }
        text = lines.joined(separator: "\n") + "\n"
    }

    private static func path(_ route: Route) -> [String] {
        var lines = ["  \(route.path):"]
        if route.listener == .operator {
            lines += [
                "    servers:", "      - url: http://127.0.0.1:8081", "        description: The operator's listener.",
            ]
        }
        for operation in route.operations { lines += self.operation(operation, of: route) }
        return lines
    }

    private static func operation(_ operation: Operation, of route: Route) -> [String] {
        var lines = ["    \(operation.method.rawValue.lowercased()):"]
        lines += ["      operationId: \(operation.id)", "      summary: \(YAML.quoted(operation.summary))"]
        lines += ["      tags: [\(route.listener == .operator ? "operator" : operation.tag)]"]
        lines += ["      description: |"] + indented(operation.description, by: 8)
        for (name, value) in operation.requestPairs { lines += YAML.member(name, value).map { "      " + $0 } }
        lines += ["      responses:"]
        for answer in operation.answers {
            lines += YAML.member("'\(answer.status)'", answer.yaml).map { "        " + $0 }
        }
        lines += errors(operation.codes ?? route.codes, of: route)
        return lines
    }

    private static func errors(_ codes: [ProblemCode], of route: Route) -> [String] {
        var statuses: [UInt16: [ProblemCode]] = [:]
        for code in codes {
            let problem = Problem(code, at: route.endpoint)
            statuses[problem.status, default: []].append(code)
        }
        var lines: [String] = []
        for (status, codes) in statuses.sorted(by: { $0.key < $1.key }) {
            lines += ["        '\(status)':", "          description: \(YAML.quoted(description(of: codes)))"]
            lines += headers(for: status).map { "          " + $0 }
            lines += ["          content:", "            application/problem+json:"]
            lines += [
                "              schema: {$ref: '#/components/schemas/\(route.isOAuth ? "OAuthProblem" : "Problem")'}"
            ]
            lines += ["          x-codes: [\(codes.map(\.rawValue).joined(separator: ", "))]"]
        }
        return lines + ["        default: {$ref: '#/components/responses/Refused'}"]
    }

    private static func description(of codes: [ProblemCode]) -> String {
        codes.map { "\($0.title)" }.joined(separator: " ")
    }

    private static func headers(for status: UInt16) -> [String] {
        switch status {
        case 401: ["headers:", "  WWW-Authenticate: {$ref: '#/components/headers/WWW-Authenticate'}"]
        case 429, 503: ["headers:", "  Retry-After: {$ref: '#/components/headers/Retry-After'}"]
        default: []
        }
    }

    static func indented(_ text: String, by count: Int) -> [String] {
        let margin = String(repeating: " ", count: count)
        return text.split(separator: "\n", omittingEmptySubsequences: false).filter { !$0.isEmpty }.map { margin + $0 }
    }
}
