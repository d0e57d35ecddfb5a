extension Schema {
    /// The schema as OpenAPI 3.1 writes it.
    var yaml: YAML {
        switch form {
        case .named(let name, _): .map([("$ref", .plain("'#/components/schemas/\(name)'"))])
        default: .map(ownPairs + commonPairs)
        }
    }

    private var ownPairs: [(String, YAML)] {
        switch form {
        case .named: []
        case .object(let members, let rest): Self.pairs(members, rest)
        case .string(let rule): [type("string")] + Self.pairs(rule)
        case .integer(let minimum): [type("integer")] + Self.pair("minimum", minimum)
        case .boolean(let constant): [type("boolean")] + (constant.map { [("const", .plain("\($0)"))] } ?? [])
        case .array(let items): [type("array"), ("items", items.yaml)]
        case .oneOf(let schemas): [("oneOf", .list(schemas.map(\.yaml)))]
        case .allOf(let schemas): [("allOf", .list(schemas.map(\.yaml)))]
        }
    }

    private var commonPairs: [(String, YAML)] {
        var pairs: [(String, YAML)] = []
        if let fallback { pairs.append(("default", .text(fallback))) }
        if let description { pairs.append(("description", .text(description))) }
        if !examples.isEmpty { pairs.append(("examples", .list(examples))) }
        return pairs
    }

    private func type(_ name: String) -> (String, YAML) {
        ("type", isNullable ? .list([.text(name), .plain("'null'")]) : .text(name))
    }

    private static func pairs(_ members: [Member], _ rest: Rest) -> [(String, YAML)] {
        var pairs: [(String, YAML)] = [("type", .text("object"))]
        let required = members.filter(\.isRequired)
        if !required.isEmpty { pairs.append(("required", .list(required.map { .text($0.name) }))) }
        switch rest {
        case .any: break
        case .none: pairs.append(("additionalProperties", .plain("false")))
        case .each(let schema): pairs.append(("additionalProperties", schema.yaml))
        }
        if !members.isEmpty { pairs.append(("properties", .map(members.map { ($0.name, $0.schema.yaml) }))) }
        return pairs
    }

    private static func pairs(_ rule: StringRule) -> [(String, YAML)] {
        var pairs: [(String, YAML)] = []
        if let constant = rule.constant { pairs.append(("const", .text(constant))) }
        if !rule.values.isEmpty { pairs.append(("enum", .list(rule.values.map { .text($0) }))) }
        if let pattern = rule.pattern { pairs.append(("pattern", .text(pattern))) }
        if let format = rule.format { pairs.append(("format", .text(format))) }
        return pairs + pair("minLength", rule.lengthMin) + pair("maxLength", rule.lengthMax)
    }

    private static func pair(_ name: String, _ value: Int?) -> [(String, YAML)] {
        value.map { [(name, .plain("\($0)"))] } ?? []
    }
}
