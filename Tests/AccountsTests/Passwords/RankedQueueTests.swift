import Testing

@testable import Accounts

@Suite("A queue in the order of ranks")
struct RankedQueueTests {
    private typealias Queue = RankedQueue<Int>

    @Test func `agrees with a sorted array in every step of a long random sequence`() {
        var queue = Queue()
        var model: [(key: Queue.Key, element: Int)] = []
        var random = SplitMix(state: 7)
        for number in 0..<4_000 {
            let key = Queue.Key(rank: Int64(random.next() % 50), number: UInt64(number))
            #expect(queue.countBefore(key) == model.count { $0.key < key })
            switch random.next() % 8 {
            case 0:
                #expect(queue.first.flatMap { queue.remove($0) } == (model.isEmpty ? nil : model.removeFirst().element))
            case 1: #expect(queue.last.flatMap { queue.remove($0) } == model.popLast()?.element)
            case 2:
                guard let chosen = model.indices.randomElement(using: &random) else { continue }
                let removed = model.remove(at: chosen)
                #expect(queue.contains(removed.key))
                #expect(queue.remove(removed.key) == removed.element)
                #expect(!queue.contains(removed.key) && queue.remove(removed.key) == nil)
            default:
                queue.insert(number, key)
                model.insert((key, number), at: model.count { $0.key < key })
            }
            #expect(queue.count == model.count)
            #expect(queue.first == model.first?.key && queue.last == model.last?.key)
        }
    }

    @Test func `the ends of the range are ranks like all others`() {
        var queue = Queue()
        for (element, rank) in [Int64.max, 0, .min].enumerated() {
            queue.insert(element, Queue.Key(rank: rank, number: UInt64(element)))
        }
        var order: [Int] = []
        while let key = queue.first, let element = queue.remove(key) { order.append(element) }
        #expect(order == [2, 1, 0])
    }
}

private struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = (state ^ state >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }
}
