/// First in, first out, in constant time on average.
struct FIFO<Element> {
    private var slots: [Element?] = []
    private var head = 0

    var count: Int { slots.count - head }
    var first: Element? { head < slots.count ? slots[head] : nil }

    mutating func append(_ element: Element) { slots.append(element) }

    mutating func removeFirst() {
        guard head < slots.count else { return }
        slots[head] = nil
        head += 1
        // Half of the slots are empty: move the rest down, so that a queue that is never quite empty does not grow.
        if head * 2 >= slots.count {
            slots.removeFirst(head)
            head = 0
        }
    }
}

extension FIFO: Sendable where Element: Sendable {}
