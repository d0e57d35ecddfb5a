import HTTP
import Revocation

/// What a reader of the feed asks for.
struct FeedQuestion {
    /// In seconds.
    static let waitMax: Int64 = 55

    /// Up to where the reader has everything; nil for a reader that wants to know the head only.
    let after: LedgerPosition?
    /// How long to wait for a record, in seconds.
    let wait: Int64
    let form: FeedForm

    /// - Throws: `request_malformed` for a query that is not understood.
    init(_ request: borrowing Request) throws(Problem) {
        form = FeedForm.preferred(Self.values(of: "accept", request))
        var query = try Query(request)
        let after = try Self.one(query.take("after"), "after")
        let wait = try Self.one(query.take("wait"), "wait")
        guard query.pairs.isEmpty else {
            let names = query.pairs.map { MemberNames.quoted($0.name.utf8) }
            throw Problem(.requestMalformed, "Unknown parameter in the query: \(names.joined(separator: ", ")).")
        }
        // A browser sends the field when it connects again; it is newer than the address.
        let last = try Self.lastEventID(request)
        self.after = try (last ?? after).map { text throws(Problem) in
            guard let position = LedgerPosition(text: text) else {
                throw Problem(
                    .requestMalformed,
                    last == nil
                        ? "after must be a position such as 1:4194401."
                        : "Last-Event-ID must be a position such as 1:4194401.")
            }
            return position
        }
        self.wait =
            try wait.map { text throws(Problem) in
                guard (1...2).contains(text.utf8.count), text.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
                    let seconds = Int64(text), seconds <= Self.waitMax
                else { throw Problem(.requestMalformed, "wait must be a number of seconds from 0 to \(Self.waitMax).") }
                return seconds
            } ?? 0
    }

    private static func one(_ values: [String], _ name: String) throws(Problem) -> String? {
        guard values.count < 2 else { throw Problem(.requestMalformed, "\(name) was sent more than once.") }
        return values.first
    }

    private static func lastEventID(_ request: borrowing Request) throws(Problem) -> String? {
        let values = values(of: "last-event-id", request)
        guard values.count < 2 else { throw Problem(.requestMalformed, "Last-Event-ID was sent more than once.") }
        return values.first.flatMap { $0.isEmpty ? nil : $0 }
    }

    private static func values(of name: StaticString, _ request: borrowing Request) -> [String] {
        var values: [String] = []
        for field in request.fields where request.isEqual(field.name, name) { values.append(request.text(field.value)) }
        return values
    }
}
