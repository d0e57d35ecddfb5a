import Synchronization

/// A count that only grows; any thread may add to it.
package final class Counter: Sendable {
    private let count = Atomic<UInt64>(0)

    package init() {}

    package var value: UInt64 { count.load(ordering: .relaxed) }

    package func add(_ amount: UInt64 = 1) {
        count.wrappingAdd(amount, ordering: .relaxed)
    }
}

/// One counter for each case of `Label`.
package final class CounterFamily<Label: CaseIterable & Hashable & Sendable>: Sendable {
    private let counters: [Label: Counter]

    package init() {
        counters = Dictionary(uniqueKeysWithValues: Label.allCases.map { ($0, Counter()) })
    }

    package func add(_ label: Label, _ amount: UInt64 = 1) {
        counters[label]?.add(amount)
    }

    package func value(_ label: Label) -> UInt64 {
        counters[label]?.value ?? 0
    }
}
