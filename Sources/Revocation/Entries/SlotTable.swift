/// A hash table of slot numbers, whose keys are in the slots: 5 to 11 bytes for each.
///
/// The caller passes hashes and compares keys, so that the table needs no reference to the slots.
struct SlotTable: Sendable {
    /// Marks an empty cell, and the end of a list of slots.
    static let none = UInt32.max

    private var cells: [UInt32] = []
    private(set) var count = 0

    private var mask: Int { cells.count - 1 }

    func find(_ hash: UInt64, _ isWanted: (UInt32) -> Bool) -> UInt32? { cell(hash, isWanted).map { cells[$0] } }

    /// Adds a slot whose key is not in the table.
    mutating func insert(_ slot: UInt32, _ hash: UInt64, hashOf: (UInt32) -> UInt64) {
        if (count + 1) * 4 > cells.count * 3 { grow(hashOf) }
        put(slot, hash)
        count += 1
    }

    /// Replaces a slot by another one with the same key.
    mutating func replace(_ hash: UInt64, with slot: UInt32, _ isWanted: (UInt32) -> Bool) {
        if let cell = cell(hash, isWanted) { cells[cell] = slot }
    }

    mutating func remove(_ hash: UInt64, hashOf: (UInt32) -> UInt64, _ isWanted: (UInt32) -> Bool) {
        guard var hole = cell(hash, isWanted) else { return }
        count -= 1
        var next = (hole + 1) & mask
        while cells[next] != Self.none {
            // A slot may not be before the cell where the search for it begins.
            let distance = (next &- Int(truncatingIfNeeded: hashOf(cells[next]))) & mask
            if distance >= (next &- hole) & mask {
                cells[hole] = cells[next]
                hole = next
            }
            next = (next + 1) & mask
        }
        cells[hole] = Self.none
    }

    private func cell(_ hash: UInt64, _ isWanted: (UInt32) -> Bool) -> Int? {
        guard !cells.isEmpty else { return nil }
        var cell = Int(truncatingIfNeeded: hash) & mask
        while cells[cell] != Self.none {
            if isWanted(cells[cell]) { return cell }
            cell = (cell + 1) & mask
        }
        return nil
    }

    private mutating func put(_ slot: UInt32, _ hash: UInt64) {
        var cell = Int(truncatingIfNeeded: hash) & mask
        while cells[cell] != Self.none { cell = (cell + 1) & mask }
        cells[cell] = slot
    }

    private mutating func grow(_ hashOf: (UInt32) -> UInt64) {
        let old = cells
        cells = [UInt32](repeating: Self.none, count: max(8, old.count * 2))
        for slot in old where slot != Self.none { put(slot, hashOf(slot)) }
    }
}
