import Encoding

/// The readers over arrays, since the testing macros cannot take a `Span` apart.
extension JSONDocument {
    func member(_ name: StaticString, of node: Node, in bytes: [UInt8]) -> Node? {
        member(name, of: node, in: bytes.span)
    }

    func integer(_ node: Node, in bytes: [UInt8]) -> Int64? {
        integer(node, in: bytes.span)
    }

    func string(_ node: Node, in bytes: [UInt8]) -> String? {
        string(node, in: bytes.span)
    }

    func bytes(_ node: Node, in bytes: [UInt8]) -> [UInt8]? {
        self.bytes(node, in: bytes.span)
    }

    func raw(_ node: Node, in bytes: [UInt8]) -> [UInt8] {
        raw(node, in: bytes.span)
    }

    func isEqual(_ node: Node, _ text: [UInt8], in bytes: [UInt8]) -> Bool {
        isEqual(node, text.span, in: bytes.span)
    }

    mutating func parse(_ bytes: [UInt8]) throws(JSONError) {
        try parse(bytes.span)
    }
}
