import Encoding
import Foundation
import Testing

@Suite("JSON Merge Patch, RFC 7396")
struct JSONMergePatchTests {
    private static func merge(_ target: String, _ patch: String) throws -> String {
        var (old, change) = (JSONDocument(), JSONDocument())
        let (oldBytes, changeBytes) = (Array(target.utf8), Array(patch.utf8))
        try old.parse(oldBytes)
        try change.parse(changeBytes)
        return String(decoding: JSONMergePatch.apply(change, changeBytes, to: old, oldBytes), as: UTF8.self)
    }

    /// The cases of appendix A.
    @Test(arguments: [
        ("{\"a\":\"b\"}", "{\"a\":\"c\"}", "{\"a\":\"c\"}"),
        ("{\"a\":\"b\"}", "{\"b\":\"c\"}", "{\"a\":\"b\",\"b\":\"c\"}"),
        ("{\"a\":\"b\"}", "{\"a\":null}", "{}"),
        ("{\"a\":\"b\",\"b\":\"c\"}", "{\"a\":null}", "{\"b\":\"c\"}"),
        ("{\"a\":[\"b\"]}", "{\"a\":\"c\"}", "{\"a\":\"c\"}"),
        ("{\"a\":\"c\"}", "{\"a\":[\"b\"]}", "{\"a\":[\"b\"]}"),
        ("{\"a\":{\"b\":\"c\"}}", "{\"a\":{\"b\":\"d\",\"c\":null}}", "{\"a\":{\"b\":\"d\"}}"),
        ("{\"a\":[{\"b\":\"c\"}]}", "{\"a\":[1]}", "{\"a\":[1]}"),
        ("[\"a\",\"b\"]", "[\"c\",\"d\"]", "[\"c\",\"d\"]"),
        ("{\"a\":\"b\"}", "[\"c\"]", "[\"c\"]"),
        ("{\"a\":\"foo\"}", "null", "null"),
        ("{\"a\":\"foo\"}", "\"bar\"", "\"bar\""),
        ("{\"e\":null}", "{\"a\":1}", "{\"e\":null,\"a\":1}"),
        ("[1,2]", "{\"a\":\"b\",\"c\":null}", "{\"a\":\"b\"}"),
        ("{}", "{\"a\":{\"bb\":{\"ccc\":null}}}", "{\"a\":{\"bb\":{}}}"),
    ])
    func `gives the result of the RFC`(_ target: String, _ patch: String, _ result: String) throws {
        #expect(try Self.merge(target, patch) == result)
    }

    @Test(arguments: [
        // Names are the same however they are escaped; the target's spelling stays.
        ("{\"\\u0061\":1}", "{\"a\":2}", "{\"\\u0061\":2}"),
        ("{\"a\":1}", "{\"\\u0061\":null}", "{}"),
        ("{\"\":1}", "{\"\":2,\" \":3}", "{\"\":2,\" \":3}"),
        // Nulls in arrays are values.
        ("{}", "{\"a\":[null,{\"b\":null}]}", "{\"a\":[null,{\"b\":null}]}"),
        // Blanks go, but not those in strings.
        (" { \"a\" : [ 1 , \" \\\" { \" ] } ", "\t{\n\"b\"\r:\ttrue}", "{\"a\":[1,\" \\\" { \"],\"b\":true}"),
        ("{\"a\":\"\\\\\"}", "{\"b\" : \"\\\\\" }", "{\"a\":\"\\\\\",\"b\":\"\\\\\"}"),
        ("{\"n\":1e400}", "{\"m\":-0}", "{\"n\":1e400,\"m\":-0}"),
    ])
    func `keeps what was written`(_ target: String, _ patch: String, _ result: String) throws {
        #expect(try Self.merge(target, patch) == result)
    }

    /// The pseudocode of section 2, over values.
    private static func model(_ target: Any?, _ patch: Any) -> Any {
        guard let patch = patch as? [String: Any] else { return patch }
        var result = target as? [String: Any] ?? [:]
        for (name, value) in patch {
            result[name] = value is NSNull ? nil : model(result[name], value)
        }
        return result
    }

    private static func value(_ generator: inout SystemRandomNumberGenerator, _ depth: Int) -> Any {
        switch Int.random(in: 0..<(depth > 0 ? 7 : 4), using: &generator) {
        case 0: return NSNull()
        case 1: return Int.random(in: -9...9, using: &generator)
        case 2: return "s\(Int.random(in: 0..<3, using: &generator))\"\\ "
        case 3: return true
        case 4: return (0..<Int.random(in: 0..<3, using: &generator)).map { _ in value(&generator, depth - 1) }
        default: return object(&generator, depth)
        }
    }

    private static func object(_ generator: inout SystemRandomNumberGenerator, _ depth: Int) -> [String: Any] {
        var members: [String: Any] = [:]
        for _ in 0..<Int.random(in: 0..<5, using: &generator) {
            members["k\(Int.random(in: 0..<5, using: &generator))"] = value(&generator, depth - 1)
        }
        return members
    }

    @Test func `agrees with the pseudocode of the RFC on random objects`() throws {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<2_000 {
            let (target, patch) = (Self.object(&generator, 4), Self.object(&generator, 4))
            func text(_ value: Any) throws -> String {
                String(decoding: try JSONSerialization.data(withJSONObject: value), as: UTF8.self)
            }
            let (before, change) = (try text(target), try text(patch))
            let merged = try Self.merge(before, change)
            let read = try JSONSerialization.jsonObject(with: Data(merged.utf8)) as? NSDictionary
            #expect(read == Self.model(target, patch) as? NSDictionary, "\(before) \(change)")
        }
    }

    @Test func `the output is never longer than both inputs`() throws {
        let names = (0..<300).map { "\"n\($0)\":{\"a\":\($0)}" }.joined(separator: ",")
        let patch = (0..<300).map { "\"n\($0)\":{\"b\":\($0)}" }.joined(separator: ",")
        let merged = try Self.merge("{\(names)}", "{\(patch)}")
        #expect(merged.utf8.count <= names.utf8.count + patch.utf8.count + 4)
        #expect(merged.hasPrefix("{\"n0\":{\"a\":0,\"b\":0},\"n1\":"))
    }
}
