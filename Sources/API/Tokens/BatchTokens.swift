import Encoding
import HTTP

/// The tokens of a batch, copied from its request, one after another.
struct BatchTokens: Sendable {
    static let countMax = 256

    private(set) var bytes: [UInt8] = []
    private var ends: [Int] = []

    /// Reads the member `tokens`. Any text may be a token: one that is empty, malformed or too long is rejected like
    /// any other invalid token, and does not affect the others.
    ///
    /// - Parameters:
    ///   - document: the content, parsed from `content`; an object.
    /// - Throws: `request_malformed` unless there are 1 to 256 strings.
    init(_ document: JSONDocument, _ content: Span<UInt8>) throws(Problem) {
        guard let list = document.member("tokens", of: 0, in: content), document.kind(list) == .array,
            (1...Self.countMax).contains(document.count(list))
        else { throw Self.malformed }
        // Content without any white space is the usual case, and then hardly larger than the tokens.
        bytes.reserveCapacity(document.range(list).count)
        ends.reserveCapacity(document.count(list))
        let end = document.node(after: list)
        var node = list + 1
        while node < end {
            guard document.kind(node) == .string else { throw Self.malformed }
            if document.isPlain(node) {
                bytes.append(content.extracting(document.range(node)))
            } else {
                bytes.append(contentsOf: document.bytes(node, in: content) ?? [])
            }
            ends.append(bytes.count)
            node = document.node(after: node)
        }
    }

    var count: Int { ends.count }

    /// The number of bytes of memory.
    var byteCount: Int { bytes.capacity + ends.capacity * MemoryLayout<Int>.stride }

    /// Where in ``bytes`` a token is.
    func range(_ index: Int) -> Range<Int> { (index == 0 ? 0 : ends[index - 1])..<ends[index] }

    private static let malformed = Problem(
        .requestMalformed, "The member tokens must be a list of 1 to \(countMax) strings.")
}
