import Encoding

extension Parameters {
    /// The audiences that a request asks for, as `audience` or as one or more `resource` (RFC 8707 §2); empty if it names
    /// none.
    func audiences() throws(Problem) -> [String] {
        let named = try text("audience")
        var targets = resources
        if !isForm, let one = try bytes("resource") { targets = [one] }
        guard !targets.isEmpty else { return named.map { [$0] } ?? [] }
        guard named == nil else {
            throw Problem(.requestMalformed, "Send either audience or resource.")
        }
        guard targets.count <= Self.resourceCountMax, targets.allSatisfy(Self.isAbsolute) else {
            throw Problem(.audienceInvalid, "A resource must be an absolute URI without a fragment.")
        }
        var audiences: [String] = []
        for target in targets.map({ String(decoding: $0, as: UTF8.self) }) where !audiences.contains(target) {
            audiences.append(target)
        }
        return audiences
    }

    private static let resourceCountMax = 16

    /// Whether the text begins with a scheme (RFC 3986 §3.1), and has no fragment.
    private static func isAbsolute(_ text: [UInt8]) -> Bool {
        guard let colon = text.firstIndex(of: UInt8(ascii: ":")), colon + 1 < text.count,
            let first = text.first, isLetter(first), !text.contains(UInt8(ascii: "#"))
        else { return false }
        return text[..<colon].allSatisfy { byte in
            isLetter(byte) || UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte || byte == UInt8(ascii: "+")
                || byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".")
        }
    }

    private static func isLetter(_ byte: UInt8) -> Bool { UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte | 0x20 }
}
