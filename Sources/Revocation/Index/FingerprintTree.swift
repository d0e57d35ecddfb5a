/// Any number of fingerprints in small tables. A full table grows by a quarter or splits in two, independently of the
/// others, so no insertion moves more than one table.
///
/// Its owner frees it. A copy refers to the same memory and must not be used after one of them was changed. It is not a
/// class, because the exclusivity check of every access would take as long as the lookup.
///
/// `@unchecked Sendable` is safe because its owner uses it from only one thread at a time, protected by a lock or
/// alone.
@safe struct FingerprintTree: @unchecked Sendable {
    private var tables: [FingerprintTable]
    /// The index of the table for fingerprints that continue with these bits.
    private var directory: [UInt32] = [0]
    /// The binary logarithm of the length of the directory.
    private var depth: UInt64 = 0
    /// The leading bits that all fingerprints share because they selected this tree.
    private let sharedBits: UInt64
    private(set) var count = 0

    init(width: Int, sharedBits: UInt64) {
        self.sharedBits = sharedBits
        tables = [FingerprintTable(placeCount: FingerprintTable.placeCountMin, width: width, sharedBits: sharedBits)]
    }

    /// Releases the memory. The tree must not be used afterwards.
    func free() { for table in tables { table.free() } }

    func contains(_ fingerprint: UInt64) -> Bool {
        tables[index(of: fingerprint)].place(of: fingerprint) != nil
    }

    func touch(_ fingerprint: UInt64) -> UInt64 { tables[index(of: fingerprint)].touch(fingerprint) }

    /// Inserts a fingerprint.
    ///
    /// - Returns: false if it was present.
    mutating func insert(_ fingerprint: UInt64) -> Bool {
        let before = count
        _ = place(for: fingerprint)
        return count > before
    }

    /// Returns the two words of a fingerprint in a tree of width 3.
    func words(of fingerprint: UInt64) -> (UInt64, UInt64)? {
        let index = index(of: fingerprint)
        guard let place = tables[index].place(of: fingerprint) else { return nil }
        return (tables[index].word(1, at: place), tables[index].word(2, at: place))
    }

    /// Sets the two words of a fingerprint in a tree of width 3.
    ///
    /// - Returns: false if it was present, in which case its words are replaced.
    mutating func set(_ words: (UInt64, UInt64), of fingerprint: UInt64) -> Bool {
        let before = count
        let (index, place) = place(for: fingerprint)
        tables[index].set(words.0, 1, at: place)
        tables[index].set(words.1, 2, at: place)
        return count > before
    }

    /// Inserts a fingerprint with its word in a tree of width 2.
    ///
    /// - Returns: false if it was present with the same word. If it is present with another word, it is not inserted,
    ///   and the result is true.
    mutating func insert(_ fingerprint: UInt64, _ word: UInt64) -> Bool {
        let before = count
        let (index, place) = place(for: fingerprint)
        guard count == before else {
            tables[index].set(word, 1, at: place)
            return true
        }
        return tables[index].word(1, at: place) != word
    }

    /// The number of bytes of all tables, for memory metrics.
    var byteCount: Int { tables.reduce(0) { $0 + $1.byteCount } }

    /// Returns the slot of the fingerprint, after inserting it if it is not present.
    private mutating func place(for fingerprint: UInt64) -> (index: Int, place: Int) {
        while true {
            let index = index(of: fingerprint)
            switch tables[index].insert(fingerprint) {
            case .found(let place): return (index, place)
            case .placed(let place):
                count += 1
                return (index, place)
            case .full: makeRoom(for: fingerprint, in: index)
            }
        }
    }

    private mutating func makeRoom(for fingerprint: UInt64, in index: Int) {
        let full = tables[index]
        if let grown = full.grown() {
            tables[index] = grown
        } else {
            if full.sharedBits - sharedBits == depth {
                directory = directory.flatMap { [$0, $0] }
                depth += 1
            }
            let (lower, upper) = full.split()
            // The entries that refer to the full table are contiguous; in the second half, the next bit is 1.
            let named = 1 << Int(depth - (full.sharedBits - sharedBits))
            let start = entry(of: fingerprint) & ~(named - 1)
            for entry in (start + named / 2)..<(start + named) { directory[entry] = UInt32(tables.count) }
            tables[index] = lower
            tables.append(upper)
        }
        full.free()
    }

    @inline(__always)
    private func index(of fingerprint: UInt64) -> Int { Int(directory[entry(of: fingerprint)]) }

    /// Returns the index in the directory.
    @inline(__always)
    private func entry(of fingerprint: UInt64) -> Int {
        depth == 0 ? 0 : Int(truncatingIfNeeded: (fingerprint << sharedBits) >> (64 - depth))
    }
}
