extension Operation {
    /// The members after the description, apart from the responses.
    var requestPairs: [(String, YAML)] {
        var pairs: [(String, YAML)] = []
        if !security.isEmpty { pairs.append(("security", .list(security.map(\.yaml)))) }
        if !parameters.isEmpty { pairs.append(("parameters", .list(parameters.map(\.yaml)))) }
        if let body { pairs.append(("requestBody", body.yaml)) }
        return pairs
    }

    /// The named schemas that the operation refers to, in order of appearance.
    func collect(into found: inout [(name: String, schema: Schema)]) {
        for content in body?.contents ?? [] { content.schema.collect(into: &found) }
        for answer in answers {
            for content in answer.contents { content.schema.collect(into: &found) }
        }
    }
}

extension Operation.Security {
    fileprivate var yaml: YAML {
        switch self {
        case .none: .map([])
        case .bearer: .map([("bearer", .list([]))])
        case .client: .map([("client", .list([]))])
        case .cookie: .map([("cookie", .list([]))])
        }
    }
}

extension Operation.Parameter {
    fileprivate var yaml: YAML {
        let required: [(String, YAML)] = place == "path" ? [("required", .plain("true"))] : []
        let pairs: [(String, YAML)] =
            [("name", .text(name)), ("in", .text(place))] + required + [("schema", schema.yaml)]
        return .map(pairs + (description.map { [("description", .text($0))] } ?? []))
    }
}

extension Operation.Body {
    fileprivate var yaml: YAML {
        let required: [(String, YAML)] = isRequired ? [("required", .plain("true"))] : []
        return .map(required + [("content", .map(contents.map { ($0.type, $0.yaml) }))])
    }
}

extension Operation.Content {
    fileprivate var yaml: YAML {
        let values = examples.map { ($0.0, YAML.map([("value", $0.1)])) }
        return .map([("schema", schema.yaml)] + (values.isEmpty ? [] : [("examples", .map(values))]))
    }
}

extension Operation.Header {
    fileprivate var yaml: YAML {
        guard let schema else { return .map([("$ref", .plain("'#/components/headers/\(name)'"))]) }
        return .map([("schema", schema.yaml)] + (description.map { [("description", .text($0))] } ?? []))
    }
}

extension Operation.Answer {
    var yaml: YAML {
        var pairs: [(String, YAML)] = [("description", .text(description))]
        if !headers.isEmpty { pairs.append(("headers", .map(headers.map { ($0.name, $0.yaml) }))) }
        let contents = contents
        if !contents.isEmpty { pairs.append(("content", .map(contents.map { ($0.type, $0.yaml) }))) }
        return .map(pairs)
    }
}
