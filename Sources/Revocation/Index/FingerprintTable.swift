internal import Glibc

/// Fingerprints in ascending order with gaps between them, each followed by `width - 1` words that belong to it.
///
/// The home of a fingerprint is its slot in an even distribution. The fingerprint is in that slot or after it, with no
/// gap in between, so a lookup ends at the first gap or larger fingerprint: after five slots on average if five sixths
/// are in use. Because of the order, growing and splitting need one pass from left to right.
///
/// A value is a handle to unmanaged memory that its owner must free; copies refer to the same memory.
@safe struct FingerprintTable {
    /// The maximum number of bytes that one insertion has to move; a larger table is split.
    static let byteCountMax = 128 << 10
    /// Memory of at least this many bytes is mapped directly from the kernel and returned to it when freed.
    private static let mappedByteCountMin = 16 << 10
    private static let pageByteCount = 4_096
    static let placeCountMin = 8

    private let words: UnsafeMutablePointer<UInt64>
    /// The number of words per fingerprint.
    let width: Int
    /// The last slot is always empty, so that every search terminates.
    let placeCount: Int
    private let homeCount: UInt64
    /// The leading bits that all fingerprints of the table have in common.
    let sharedBits: UInt64
    private let isMapped: Bool
    private(set) var count = 0

    init(placeCount: Int, width: Int, sharedBits: UInt64) {
        let byteCount = placeCount * width * MemoryLayout<UInt64>.stride
        var memory: UnsafeMutableRawPointer?
        if byteCount >= Self.mappedByteCountMin {
            unsafe memory = mmap(nil, byteCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
            if unsafe memory == MAP_FAILED { unsafe memory = nil }
        }
        isMapped = unsafe memory != nil
        if let memory = unsafe memory {
            // Memory from the kernel is zeroed, and the address of a page is aligned for a word.
            unsafe words = memory.assumingMemoryBound(to: UInt64.self)
        } else {
            // This also covers a process that has reached its limit of mappings.
            unsafe words = .allocate(capacity: placeCount * width)
            unsafe words.initialize(repeating: 0, count: placeCount * width)
        }
        self.width = width
        self.placeCount = placeCount
        self.sharedBits = sharedBits
        homeCount = UInt64(placeCount - 1 - min(32, placeCount / 8))
    }

    /// Releases the memory. The table must not be used afterwards.
    func free() {
        if isMapped {
            unsafe munmap(words, byteCount)
        } else {
            unsafe words.deallocate()
        }
    }

    var byteCount: Int { placeCount * width * MemoryLayout<UInt64>.stride }

    /// Returns the slot of `fingerprint`, or nil if it is not present.
    @inline(__always)
    func place(of fingerprint: UInt64) -> Int? {
        let place = lowerBound(fingerprint)
        return self.fingerprint(at: place) == fingerprint ? place : nil
    }

    /// Prefetches the memory that a lookup needs. The result has no meaning.
    @inline(__always)
    func touch(_ fingerprint: UInt64) -> UInt64 { self.fingerprint(at: home(of: fingerprint)) }

    /// Returns word `index`, from 1, of the fingerprint in slot `place`.
    @inline(__always)
    func word(_ index: Int, at place: Int) -> UInt64 { unsafe words[place * width + index] }

    mutating func set(_ value: UInt64, _ index: Int, at place: Int) { unsafe words[place * width + index] = value }

    enum Insertion: Equatable {
        case found(place: Int)
        /// Its other words are zero.
        case placed(place: Int)
        /// The table has no room.
        case full
    }

    /// Inserts a fingerprint.
    ///
    /// - Parameter fingerprint: not 0.
    mutating func insert(_ fingerprint: UInt64) -> Insertion {
        let place = lowerBound(fingerprint)
        if self.fingerprint(at: place) == fingerprint { return .found(place: place) }
        guard count < placeCount * 27 / 32 else { return .full }
        var end = place
        while self.fingerprint(at: end) != 0 { end += 1 }
        guard end < placeCount - 1 else { return .full }
        let start = unsafe words + place * width
        unsafe (start + width).update(from: start, count: (end - place) * width)
        unsafe start.update(repeating: 0, count: width)
        unsafe start[0] = fingerprint
        count += 1
        return .placed(place: place)
    }

    /// Returns a table with the same content and about a quarter more room; nil if it would be too large.
    func grown() -> FingerprintTable? {
        var placeCount = self.placeCount
        while true {
            placeCount = Self.placeCount(after: placeCount, width: width)
            guard placeCount * width * MemoryLayout<UInt64>.stride <= Self.byteCountMax else { return nil }
            if let table = copy(from: 0, to: .max, sharedBits: sharedBits, placeCount: placeCount) { return table }
        }
    }

    /// Returns two tables: one with the fingerprints whose next bit is 0, one with those whose next bit is 1.
    func split() -> (FingerprintTable, FingerprintTable) {
        let bit = UInt64(1) << (63 - sharedBits)
        // Any fingerprint has the shared bits, and a full table is not empty.
        let shared = anyFingerprint & ~(bit &- 1) & ~bit
        return (half(from: shared, to: shared | (bit &- 1)), half(from: shared | bit, to: shared | bit | (bit &- 1)))
    }

    private func half(from first: UInt64, to last: UInt64) -> FingerprintTable {
        var placeCount = self.placeCount * 5 / 8
        while true {
            if let table = copy(from: first, to: last, sharedBits: sharedBits + 1, placeCount: placeCount) {
                return table
            }
            placeCount = Self.placeCount(after: placeCount, width: width)
        }
    }

    private var anyFingerprint: UInt64 {
        for place in 0..<placeCount where fingerprint(at: place) != 0 { return fingerprint(at: place) }
        return 0
    }

    /// Copies a range of fingerprints to a new table.
    ///
    /// - Returns: nil if they do not fit.
    private func copy(from first: UInt64, to last: UInt64, sharedBits: UInt64, placeCount: Int) -> FingerprintTable? {
        var table = FingerprintTable(placeCount: placeCount, width: width, sharedBits: sharedBits)
        var next = 0
        for place in 0..<self.placeCount {
            let fingerprint = fingerprint(at: place)
            guard fingerprint >= max(1, first), fingerprint <= last else { continue }
            next = max(next, table.home(of: fingerprint))
            guard next < placeCount - 1 else {
                table.free()
                return nil
            }
            unsafe (table.words + next * width).update(from: words + place * width, count: width)
            table.count += 1
            next += 1
        }
        return table
    }

    private static func placeCount(after count: Int, width: Int) -> Int {
        let larger = max(count + 4, count * 5 / 4)
        let byteCount = larger * width * MemoryLayout<UInt64>.stride
        guard byteCount >= mappedByteCountMin else { return larger }
        let rounded = (byteCount + pageByteCount - 1) / pageByteCount * pageByteCount
        return rounded / (width * MemoryLayout<UInt64>.stride)
    }

    @inline(__always)
    private func fingerprint(at place: Int) -> UInt64 { unsafe words[place * width] }

    @inline(__always)
    private func home(of fingerprint: UInt64) -> Int {
        Int(truncatingIfNeeded: (fingerprint << sharedBits).multipliedFullWidth(by: homeCount).high)
    }

    /// Returns the first slot from the home on that is empty or does not contain a smaller fingerprint.
    @inline(__always)
    private func lowerBound(_ fingerprint: UInt64) -> Int {
        var place = home(of: fingerprint)
        // An empty slot compares greater than every fingerprint.
        while self.fingerprint(at: place) &- 1 < fingerprint &- 1 { place += 1 }
        return place
    }
}
