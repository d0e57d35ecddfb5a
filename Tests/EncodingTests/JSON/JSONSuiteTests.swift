import Encoding
import Foundation
import Testing

@Suite("JSONTestSuite (A4, A5, L12)")
struct JSONSuiteTests {
    @Test(arguments: Vectors.names(in: "jsontestsuite/test_parsing"))
    func `accepts y_, refuses n_, and stands i_`(_ name: String) throws {
        let bytes = try Vectors.bytes("jsontestsuite/test_parsing/\(name)")
        var document = JSONDocument()
        let result = Result { try document.parse(bytes) }
        switch name.prefix(2) {
        // The suite leaves duplicate names open (RFC 8259 §4); we do not (A5).
        case "y_" where name.contains("duplicated_key"):
            #expect(throws: JSONError.duplicateMember(9)) { try result.get() }
        case "y_": #expect(throws: Never.self) { try result.get() }
        case "n_": #expect(throws: JSONError.self) { try result.get() }
        default: break
        }
        touchEverything(document, bytes)
    }

    @Test(arguments: Vectors.names(in: "jsontestsuite/test_transform"))
    func `stands what has more than one meaning`(_ name: String) throws {
        let bytes = try Vectors.bytes("jsontestsuite/test_transform/\(name)")
        var document = JSONDocument()
        let result = Result { try document.parse(bytes) }
        if name.hasPrefix("object_same_key") {
            let fault = #expect(throws: JSONError.self) { try result.get() }
            guard case .duplicateMember = fault else {
                Issue.record("\(name): \(String(describing: fault))")
                return
            }
        }
        touchEverything(document, bytes)
    }

    @Test func `the files are found`() {
        #expect(Vectors.names(in: "jsontestsuite/test_parsing").count >= 200)
        #expect(Vectors.names(in: "jsontestsuite/test_transform").count >= 10)
    }

    private func touchEverything(_ document: JSONDocument, _ bytes: [UInt8]) {
        var nodes = [0]
        while let node = nodes.popLast() {
            _ = document.integer(node, in: bytes)
            _ = document.string(node, in: bytes)
            _ = document.member("a", of: node, in: bytes)
            _ = document.isEqual(node, bytes, in: bytes)
            nodes += document.children(node)
            nodes += document.members(node).map(\.value)
        }
    }
}
