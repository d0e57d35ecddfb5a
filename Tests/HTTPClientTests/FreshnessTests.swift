@testable import HTTPClient
import Testing

@Suite("How long an answer may be kept, RFC 9111")
struct FreshnessTests {
    private func seconds(_ fields: (String, String)...) -> Int64? {
        Freshness.seconds(of: Answer(status: 200, fields: fields.map { (name: $0.0, value: $0.1) }, body: []))
    }

    @Test func `max-age less age, within a day`() {
        #expect(seconds(("cache-control", "public, max-age=450")) == 450)
        #expect(seconds(("cache-control", "Max-Age=\"60\""), ("age", "50")) == 10)
        #expect(seconds(("cache-control", "max-age=60"), ("age", "70")) == 0)
        #expect(seconds(("cache-control", "max-age=99999999999999999999")) == 86_400)
        #expect(seconds(("cache-control", "max-age=0")) == 0)
    }

    @Test func `five minutes where the server says nothing`() {
        #expect(seconds() == 300)
        #expect(seconds(("cache-control", "public")) == 300)
    }

    @Test func `no-store is not kept, and what contradicts itself is asked for each time`() {
        #expect(seconds(("cache-control", "max-age=60"), ("cache-control", "no-store")) == nil)
        #expect(seconds(("cache-control", "no-cache, max-age=60")) == 0)
        #expect(seconds(("cache-control", "max-age=60, max-age=61")) == 0)
        #expect(seconds(("cache-control", "max-age=-1")) == 0)
        #expect(seconds(("cache-control", "max-age=1.5")) == 0)
        #expect(seconds(("cache-control", "max-age=")) == 0)
    }
}
