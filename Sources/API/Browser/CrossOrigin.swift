import HTTP

/// What CORS says about the origin of a request: the answer may be read by a page of a listed origin, and by no other.
///
/// It is one byte, because every call has one.
struct CrossOrigin: Equatable, Sendable {
    /// The endpoint answers every origin alike.
    static let alike = CrossOrigin(code: 0)
    /// The answer depends on the origin, and this one is not in the list, or not known.
    static let notAllowed = CrossOrigin(code: 1)

    /// From 2 on, the place of the origin in the list and 2.
    private let code: UInt8

    private init(code: UInt8) { self.code = code }

    init(_ request: borrowing Request, _ browser: Browser) {
        let index = request.field("origin").flatMap { browser.index(ofOrigin: $0, request) }
        let code = index.flatMap { UInt8(exactly: $0 + 2) }
        self = code.map { CrossOrigin(code: $0) } ?? .notAllowed
    }

    /// The place of the origin in the list; nil if it is not there.
    var place: Int? { code >= 2 ? Int(code) - 2 : nil }
}
