import Encoding
import Platform
@testable import Revocation
import Testing

@Suite("Revocations in a verifier")
struct RevocationSetTests {
    @Test func `every case of the vectors gets its verdict`() throws {
        let vectors: FeedVectors.Cases = try FeedVectors.value("cases.json")
        let records = try FeedVectors.records()
        var count = 0
        for group in vectors.groups {
            let positions = Set(group.records.map(\.seq))
            var set = RevocationSet()
            for record in records where positions.contains(record.position.text) { set.insert(record) }
            // In another order and twice it is the same.
            for record in records.reversed() where positions.contains(record.position.text) { set.insert(record) }
            for one in group.cases {
                let token = RevocableToken(
                    jti: try #require(UUID(one.claims.jti)), sid: one.claims.sid.flatMap { UUID($0) },
                    issuedAt: UnixSeconds(one.claims.iat).milliseconds, birth: one.claims.bsq,
                    subject: Array(one.claims.sub.utf8), client: Array(one.claims.client_id.utf8),
                    kid: Array(one.header.kid.utf8))
                #expect(set.denial(token).map { "\($0)" } == one.denied, "\(one.name)")
                count += 1
            }
        }
        #expect(count > 30)
    }
}
