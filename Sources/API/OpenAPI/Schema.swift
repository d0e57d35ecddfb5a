/// A JSON Schema (draft 2020-12) as a value. The OpenAPI document is printed from it; tests compare answers with it.
package struct Schema: Sendable {
    package indirect enum Form: Sendable {
        case object([Member], rest: Rest)
        case string(StringRule)
        case integer(minimum: Int?)
        case boolean(constant: Bool?)
        case array(Schema)
        case oneOf([Schema])
        case allOf([Schema])
        /// A schema that the document describes once and refers to by name.
        case named(String, Schema)
    }

    package struct Member: Sendable {
        package let name: String
        package let schema: Schema
        package let isRequired: Bool
    }

    /// The members that an object may have in addition to the named ones.
    package enum Rest: Sendable {
        case any
        case none
        case each(Schema)
    }

    package struct StringRule: Sendable {
        package var constant: String?
        package var values: [String] = []
        package var pattern: String?
        package var format: String?
        package var lengthMin: Int?
        package var lengthMax: Int?
    }

    package var form: Form
    package private(set) var description: String?
    package private(set) var isNullable = false
    package private(set) var fallback: String?
    /// Each is one value with its members.
    package private(set) var examples: [YAML] = []
}

extension Schema {
    static let string = string()
    static let integer = integer()
    static let boolean = boolean()
    static let time = string(format: "date-time")
    static let uuid = string(format: "uuid")
    static let strings = array(of: .string)

    static func string(
        constant: String? = nil, values: [String] = [], pattern: String? = nil, format: String? = nil,
        lengthMin: Int? = nil, lengthMax: Int? = nil
    ) -> Schema {
        Schema(
            form: .string(
                StringRule(
                    constant: constant, values: values, pattern: pattern, format: format, lengthMin: lengthMin,
                    lengthMax: lengthMax)))
    }

    static func integer(minimum: Int? = nil) -> Schema { Schema(form: .integer(minimum: minimum)) }

    static func boolean(constant: Bool? = nil) -> Schema { Schema(form: .boolean(constant: constant)) }

    static func array(of items: Schema) -> Schema { Schema(form: .array(items)) }

    static func oneOf(_ schemas: Schema...) -> Schema { Schema(form: .oneOf(schemas)) }

    static func allOf(_ schemas: Schema...) -> Schema { Schema(form: .allOf(schemas)) }

    static func object(_ members: Member..., rest: Rest = .any) -> Schema {
        Schema(form: .object(members, rest: rest))
    }

    static func object(_ members: [Member], rest: Rest = .any) -> Schema {
        Schema(form: .object(members, rest: rest))
    }

    static func named(_ name: String, _ schema: Schema) -> Schema { Schema(form: .named(name, schema)) }

    func described(_ text: String) -> Schema {
        var copy = self
        copy.description = text
        return copy
    }

    var orNull: Schema {
        var copy = self
        copy.isNullable = true
        return copy
    }

    func defaulting(to value: String) -> Schema {
        var copy = self
        copy.fallback = value
        return copy
    }

    func withExample(_ members: (String, YAML)...) -> Schema {
        var copy = self
        copy.examples.append(.map(members))
        return copy
    }
}

extension Schema.Member {
    static func required(_ name: String, _ schema: Schema) -> Self {
        Self(name: name, schema: schema, isRequired: true)
    }

    static func optional(_ name: String, _ schema: Schema) -> Self {
        Self(name: name, schema: schema, isRequired: false)
    }
}

extension Schema {
    /// The named schemas that this one refers to, itself included, in order of appearance.
    func collect(into found: inout [(name: String, schema: Schema)]) {
        switch form {
        case .named(let name, let schema):
            guard !found.contains(where: { $0.name == name }) else { return }
            found.append((name, schema))
            schema.collect(into: &found)
        case .object(let members, let rest):
            for member in members { member.schema.collect(into: &found) }
            if case .each(let schema) = rest { schema.collect(into: &found) }
        case .array(let items): items.collect(into: &found)
        case .oneOf(let schemas), .allOf(let schemas): for schema in schemas { schema.collect(into: &found) }
        case .string, .integer, .boolean: break
        }
    }
}
