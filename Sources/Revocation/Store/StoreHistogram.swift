/// Counts values by size, as a histogram of Prometheus does.
package struct StoreHistogram: Equatable, Sendable {
    /// The upper bound of each bucket; one more counts the rest.
    package let bounds: [Double]
    /// How many values are in each bucket, those of the buckets below not included.
    package private(set) var counts: [UInt64]
    package private(set) var sum = 0.0

    init(bounds: [Double]) {
        self.bounds = bounds
        counts = [UInt64](repeating: 0, count: bounds.count + 1)
    }

    package mutating func add(_ value: Double) {
        counts[bounds.firstIndex { value <= $0 } ?? bounds.count] &+= 1
        sum += value
    }
}
