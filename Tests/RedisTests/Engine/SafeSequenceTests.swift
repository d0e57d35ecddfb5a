import Testing

@testable import Redis

@Suite("What all replicas have")
struct SafeSequenceTests {
    @Test func `the last record counts whose offset every replica has acknowledged`() {
        var safe = SafeSequence(demanded: 0, mayHaveUnknownReplicas: false)
        safe.begin(identity: "a")
        #expect(safe.note(seq: 5, offset: 100, replicas: []) == 5)
        #expect(safe.note(seq: 6, offset: 200, replicas: [100, 90]) == nil)
        #expect(safe.note(seq: 7, offset: 300, replicas: [200, 250]) == 6)
        // One that is away may lack everything since then.
        #expect(safe.note(seq: 8, offset: 400, replicas: [400]) == 6)
        #expect(safe.note(seq: 9, offset: 500, replicas: []) == 6)
        #expect(safe.note(seq: 9, offset: 500, replicas: [500, 420]) == 8)
        safe.begin(identity: "a")
        #expect(safe.note(seq: 9, offset: 500, replicas: []) == 8)
        safe.begin(identity: "b")
        #expect(safe.note(seq: 9, offset: 500, replicas: [0]) == nil)
    }

    @Test func `nothing is safe where a failover may go to a replica that was never seen`() {
        var safe = SafeSequence(demanded: 0, mayHaveUnknownReplicas: true)
        #expect(safe.note(seq: 5, offset: 100, replicas: []) == nil)
        var demanding = SafeSequence(demanded: 2, mayHaveUnknownReplicas: false)
        #expect(demanding.note(seq: 5, offset: 100, replicas: [100]) == nil)
        #expect(demanding.note(seq: 5, offset: 100, replicas: [100, 100]) == 5)
    }

    @Test func `the history of epochs is read strictly`() throws {
        let history = try #require(EpochHistory(first: 4_194_304, earlier: "1-17,2097152-2097151"))
        #expect(history.end(ofEpochWith: 0) == 17 && history.end(ofEpochWith: 17) == 17)
        #expect(history.end(ofEpochWith: 18) == nil && history.end(ofEpochWith: 2_097_151) == 2_097_151)
        for text in ["1", "1-", "x-2", "5-3", "0-4", "1-18446744073709551615"] {
            #expect(EpochHistory(first: 9, earlier: text) == nil, "\(text)")
        }
        #expect(EpochHistory(first: 0, earlier: "") == nil)
    }
}
