/// A bounded map from keyed hashes to time stamps: sets of eight; in a full set the smallest stamp is replaced.
///
/// The memory is allocated at the first insertion and never grows. Two keys with the same hash share an entry, but an
/// attacker cannot find such keys, because the 64-bit hash uses a secret key.
struct KeyedTable: Sendable {
    private static let wayCount = 8

    private let setCount: Int
    private var keys: [UInt64] = []
    private var stamps: [Int64] = []

    /// - Parameter entryCountMax: rounded up to eight times a power of two, and at most 2^24.
    init(entryCountMax: Int) {
        let wanted = min(max(entryCountMax, 1), 1 << 24)
        var setCount = 1
        while setCount * Self.wayCount < wanted { setCount *= 2 }
        self.setCount = setCount
    }

    /// The maximum number of entries.
    var capacity: Int { setCount * Self.wayCount }

    subscript(key: UInt64) -> Int64? {
        get {
            guard !keys.isEmpty else { return nil }
            let key = Self.occupied(key)
            for slot in slots(key) where keys[slot] == key { return stamps[slot] }
            return nil
        }
        set {
            if let newValue { insert(Self.occupied(key), newValue) } else { remove(Self.occupied(key)) }
        }
    }

    private mutating func insert(_ key: UInt64, _ stamp: Int64) {
        if keys.isEmpty {
            keys = [UInt64](repeating: 0, count: capacity)
            stamps = [Int64](repeating: 0, count: capacity)
        }
        let slots = slots(key)
        var chosen = slots.lowerBound
        for slot in slots {
            if keys[slot] == key {
                stamps[slot] = stamp
                return
            }
            if keys[chosen] != 0, keys[slot] == 0 || stamps[slot] < stamps[chosen] { chosen = slot }
        }
        keys[chosen] = key
        stamps[chosen] = stamp
    }

    private mutating func remove(_ key: UInt64) {
        guard !keys.isEmpty else { return }
        for slot in slots(key) where keys[slot] == key { keys[slot] = 0 }
    }

    private func slots(_ key: UInt64) -> Range<Int> {
        let first = Int(truncatingIfNeeded: key >> 32) & (setCount - 1)
        return first * Self.wayCount..<(first + 1) * Self.wayCount
    }

    /// 0 marks a free slot, so no key may be 0.
    private static func occupied(_ key: UInt64) -> UInt64 { key == 0 ? 1 : key }
}
