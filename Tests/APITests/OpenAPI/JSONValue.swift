import Foundation
@testable import API

/// A JSON value that a schema can be compared with.
indirect enum JSONValue: Decodable {
    case null
    case boolean(Bool)
    case integer(Int64)
    case string(String)
    case array([JSONValue])
    case object([String: JSONValue])

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(Bool.self) {
            self = .boolean(value)
        } else if let value = try? container.decode(Int64.self) {
            self = .integer(value)
        } else if let value = try? container.decode(String.self) {
            self = .string(value)
        } else if let value = try? container.decode([JSONValue].self) {
            self = .array(value)
        } else {
            self = .object(try container.decode([String: JSONValue].self))
        }
    }
}

extension Schema {
    /// The schemas whose answers have no member that is not documented.
    private static let closed: Set<String> = [
        "Tokens", "Verified", "RSAKey", "ECKey", "OKPKey", "JWKSet", "Metadata", "Readiness", "Status",
    ]

    /// Returns how `value` differs from the schema; empty if it does not.
    func faults(_ value: JSONValue, at path: String = "$", isClosed: Bool = false) -> [String] {
        if isNullable, case .null = value { return [] }
        switch (form, value) {
        case (.named(let name, let schema), _):
            return schema.faults(value, at: path, isClosed: Self.closed.contains(name))
        case (.object(let members, let rest), .object(let values)):
            return Self.faults(values, members, rest, at: path, isClosed: isClosed)
        case (.string(let rule), .string(let text)): return Self.faults(text, rule, at: path)
        case (.integer(let minimum), .integer(let number)):
            return number < Int64(minimum ?? .min) ? ["\(path): \(number) is too small"] : []
        case (.boolean(let constant), .boolean(let flag)):
            return constant == nil || constant == flag ? [] : ["\(path): \(flag)"]
        case (.array(let items), .array(let values)):
            return values.enumerated().flatMap { items.faults($0.element, at: "\(path)[\($0.offset)]") }
        case (.allOf(let schemas), _): return schemas.flatMap { $0.faults(value, at: path) }
        case (.oneOf(let schemas), _):
            let all = schemas.map { $0.faults(value, at: path) }
            return all.count(where: \.isEmpty) == 1
                ? [] : ["\(path): not exactly one of \(schemas.count)"] + all.joined()
        case (.object, _), (.string, _), (.integer, _), (.boolean, _), (.array, _):
            return ["\(path): \(value) has another type"]
        }
    }

    private static func faults(
        _ values: [String: JSONValue], _ members: [Member], _ rest: Rest, at path: String, isClosed: Bool
    ) -> [String] {
        var faults: [String] = []
        var others = values
        for member in members {
            if let value = others.removeValue(forKey: member.name) {
                faults += member.schema.faults(value, at: "\(path).\(member.name)")
            } else if member.isRequired {
                faults.append("\(path).\(member.name) is missing")
            }
        }
        switch rest {
        case .each(let schema): for (name, value) in others { faults += schema.faults(value, at: "\(path).\(name)") }
        case .any where !isClosed: break
        case .any, .none: faults += others.keys.map { "\(path).\($0) is not documented" }
        }
        return faults
    }

    private static func faults(_ text: String, _ rule: StringRule, at path: String) -> [String] {
        var isValid = rule.constant == nil || rule.constant == text
        if !rule.values.isEmpty, !rule.values.contains(text) { isValid = false }
        if let pattern = rule.pattern, text.range(of: pattern, options: .regularExpression) == nil { isValid = false }
        if text.count < rule.lengthMin ?? 0 || text.count > rule.lengthMax ?? .max { isValid = false }
        switch rule.format {
        case "uuid": if UUID(uuidString: text) == nil { isValid = false }
        case "date-time": if (try? Date(text, strategy: .iso8601Millis)) == nil { isValid = false }
        default: break
        }
        return isValid ? [] : ["\(path): «\(text)»"]
    }
}

extension ParseStrategy where Self == Date.ISO8601FormatStyle {
    fileprivate static var iso8601Millis: Self { Date.ISO8601FormatStyle(includingFractionalSeconds: true) }
}
