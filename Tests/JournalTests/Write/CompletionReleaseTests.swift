import Encoding
@testable import Journal
import Testing

@Suite("Completions of a batch")
struct CompletionReleaseTests {
    private final class Asker: Sendable {}

    @Test func `are released with their batch, not with the next one`() throws {
        var options = JournalOptions.test()
        options.pace = .stepped
        let writer = try reopen(MemoryStorage(), options)
        let answers = Collector<Answer>()
        var asker: Asker? = Asker()
        weak let observed = asker
        writer.append(.entry(1), mayUseReserve: true) { [asker] result in
            _ = asker
            answers.take(result)
        }
        asker = nil
        #expect(observed != nil)
        #expect(writer.step())
        #expect(try answers.all.first?.get().seq == 2)
        #expect(observed == nil)
        writer.close()
    }
}
