import HTTP

/// A Content-Encoding that must be decoded before the content can be read (RFC 9110 §8.4). None is supported: what a
/// small message expands to would have to be bounded, and the requests of this service are short.
struct ContentCoding {
    private let name: StaticString?

    /// - Returns: nil for content without a coding.
    init?(_ request: borrowing Request) {
        let count = request.fieldCount("content-encoding")
        guard count > 0 else { return nil }
        guard let field = request.field("content-encoding") else {
            name = nil
            return
        }
        guard !field.isEmpty, !Self.matches(request, field, "identity") else { return nil }
        name = Self.known.first { Self.matches(request, field, $0) }
    }

    /// RFC 9110 §12.5.3: the response states that content must be sent without a coding.
    var problem: Problem {
        guard let name else { return Problem(.unsupportedMediaType, "Send the content without a Content-Encoding.") }
        return Problem(
            .unsupportedMediaType, "Content-Encoding \(name) is not supported. Send the content without a coding.")
    }

    /// Only names of this list appear in a response.
    private static let known: [StaticString] = ["gzip", "x-gzip", "deflate", "br", "zstd", "compress", "x-compress"]

    private static func matches(_ request: borrowing Request, _ field: Range<Int>, _ name: StaticString) -> Bool {
        request.text(field).lowercased() == "\(name)"
    }
}
