import Testing

@testable import API

@Suite("Names of schemas")
struct SchemaNameTests {
    @Test func `one name never means two schemas`() {
        var known: [String: [String]] = [:]
        func visit(_ schema: Schema) {
            switch schema.form {
            case .named(let name, let named):
                let text = YAML.member(name, named.yaml)
                if let other = known[name] {
                    #expect(other == text, "\(name)")
                } else {
                    known[name] = text
                    visit(named)
                }
            case .object(let members, let rest):
                for member in members { visit(member.schema) }
                if case .each(let schema) = rest { visit(schema) }
            case .array(let items): visit(items)
            case .oneOf(let schemas), .allOf(let schemas): for schema in schemas { visit(schema) }
            case .string, .integer, .boolean: break
            }
        }
        for operation in RouteTable.standard.routes.flatMap(\.operations) {
            let contents = (operation.body?.contents ?? []) + operation.answers.compactMap(\.content)
            for content in contents { visit(content.schema) }
        }
        #expect(known.count > 10)
    }
}
