/// Determines up to which record all replicas have everything, from their offsets in the stream of replication.
struct SafeSequence {
    private struct Sample {
        /// The offset of the primary when, or after, `seq` was its last record.
        let offset: UInt64
        let seq: UInt64
    }

    private static let sampleCountMax = 256

    private let demanded: Int
    private let mayHaveUnknownReplicas: Bool
    private var identity = ""
    private var samples: [Sample] = []
    private var safe: UInt64?
    /// The most replicas that were connected at the same time. While one is away, it may lack anything.
    private var replicaCountMax = 0

    /// - Parameters:
    ///   - demanded: how many replicas there must be.
    ///   - mayHaveUnknownReplicas: whether a failover may go to a replica that has not been connected yet.
    init(demanded: Int, mayHaveUnknownReplicas: Bool) {
        self.demanded = demanded
        self.mayHaveUnknownReplicas = mayHaveUnknownReplicas
    }

    /// Begins again if the primary is another one.
    mutating func begin(identity: String) {
        guard identity != self.identity else { return }
        self.identity = identity
        samples.removeAll()
        safe = nil
        replicaCountMax = 0
    }

    /// Adds what a primary says.
    ///
    /// - Parameters:
    ///   - seq: its last record, read before `offset`.
    ///   - replicas: the offsets that its replicas have acknowledged.
    /// - Returns: the last record that is safe; nil if that is not known.
    mutating func note(seq: UInt64, offset: UInt64, replicas: [UInt64]) -> UInt64? {
        replicaCountMax = max(replicaCountMax, replicas.count, demanded)
        guard let acknowledged = replicas.min() else {
            return replicaCountMax == 0 && !mayHaveUnknownReplicas ? seq : safe
        }
        samples.append(Sample(offset: offset, seq: seq))
        guard replicas.count == replicaCountMax else {
            samples.removeFirst(max(0, samples.count - Self.sampleCountMax))
            return safe
        }
        if let last = samples.lastIndex(where: { $0.offset <= acknowledged }) {
            safe = max(safe ?? 0, samples[last].seq)
            samples.removeSubrange(..<last)
        }
        samples.removeFirst(max(0, samples.count - Self.sampleCountMax))
        return safe
    }
}
