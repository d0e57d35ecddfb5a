/// Any number of fingerprints in small tables: one that is full grows by a quarter or splits in two, whatever the others
/// do, so no insertion ever moves more than one table.
///
/// Its owner frees it; a copy names the same memory and must not be used any more once one of them was changed. It is no
/// class, since then every access would be checked at run time, which takes as long as the lookup.
///
/// `@unchecked Sendable` holds because whoever owns it uses it from one thread at a time, behind a lock or alone.
@safe struct FingerprintTree: @unchecked Sendable {
    private var tables: [FingerprintTable]
    /// Which table is in charge of fingerprints that continue with these bits.
    private var directory: [UInt32] = [0]
    /// log2 of the directory's length.
    private var depth: UInt64 = 0
    /// Leading bits that all fingerprints have in common because of what chose this tree.
    private let sharedBits: UInt64
    private(set) var count = 0

    init(width: Int, sharedBits: UInt64) {
        self.sharedBits = sharedBits
        tables = [FingerprintTable(placeCount: FingerprintTable.placeCountMin, width: width, sharedBits: sharedBits)]
    }

    /// Gives the memory back. The tree must not be used any more.
    func free() { for table in tables { table.free() } }

    func contains(_ fingerprint: UInt64) -> Bool {
        tables[index(of: fingerprint)].place(of: fingerprint) != nil
    }

    func touch(_ fingerprint: UInt64) -> UInt64 { tables[index(of: fingerprint)].touch(fingerprint) }

    /// - Returns: false if it was there.
    mutating func insert(_ fingerprint: UInt64) -> Bool {
        let before = count
        _ = place(for: fingerprint)
        return count > before
    }

    /// The two words of a fingerprint in a tree of width 3.
    func words(of fingerprint: UInt64) -> (UInt64, UInt64)? {
        let index = index(of: fingerprint)
        guard let place = tables[index].place(of: fingerprint) else { return nil }
        return (tables[index].word(1, at: place), tables[index].word(2, at: place))
    }

    /// - Returns: false if it was there; its words are other ones then.
    mutating func set(_ words: (UInt64, UInt64), of fingerprint: UInt64) -> Bool {
        let before = count
        let (index, place) = place(for: fingerprint)
        tables[index].set(words.0, 1, at: place)
        tables[index].set(words.1, 2, at: place)
        return count > before
    }

    /// Inserts a fingerprint with its word in a tree of width 2.
    /// - Returns: false if it was there with the same word. With another word it is not taken up, and true all the same.
    mutating func insert(_ fingerprint: UInt64, _ word: UInt64) -> Bool {
        let before = count
        let (index, place) = place(for: fingerprint)
        guard count == before else {
            tables[index].set(word, 1, at: place)
            return true
        }
        return tables[index].word(1, at: place) != word
    }

    /// Octets of all tables, for those who watch memory.
    var byteCount: Int { tables.reduce(0) { $0 + $1.byteCount } }

    /// Inserts it unless it is there.
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
            // The entries that name the full table stand together; the next bit of the second half is 1.
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

    /// Of the directory.
    @inline(__always)
    private func entry(of fingerprint: UInt64) -> Int {
        depth == 0 ? 0 : Int(truncatingIfNeeded: (fingerprint << sharedBits) >> (64 - depth))
    }
}
