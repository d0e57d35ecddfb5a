internal import Glibc

/// Fingerprints in ascending order with gaps between them, and `width - 1` words behind each that belong to it.
///
/// A fingerprint's home is where it would stand if all were spread evenly. It stands there or behind, with no gap on the
/// way, so a lookup ends at the first gap or larger fingerprint: after five places on the average when five sixths are
/// taken. The order makes growing and splitting one walk from left to right.
///
/// A value is a handle on plain memory that whoever holds it frees; copies name the same memory.
@safe struct FingerprintTable {
    /// What one insertion has to move at most; more than this is split.
    static let byteCountMax = 128 << 10
    /// RevocationIndex of so many octets and more is the kernel's own, and goes back to it at once.
    private static let mappedByteCountMin = 16 << 10
    private static let pageByteCount = 4_096
    static let placeCountMin = 8

    private let words: UnsafeMutablePointer<UInt64>
    /// How many words one fingerprint takes.
    let width: Int
    /// The last place is always empty, so that every walk ends.
    let placeCount: Int
    private let homeCount: UInt64
    /// Leading bits that all its fingerprints have in common.
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
            // Fresh from the kernel, which is all zeros; an address of a page is one of a word.
            unsafe words = memory.assumingMemoryBound(to: UInt64.self)
        } else {
            // Also when the process has as many mappings as it may.
            unsafe words = .allocate(capacity: placeCount * width)
            unsafe words.initialize(repeating: 0, count: placeCount * width)
        }
        self.width = width
        self.placeCount = placeCount
        self.sharedBits = sharedBits
        homeCount = UInt64(placeCount - 1 - min(32, placeCount / 8))
    }

    /// Gives the memory back. The table must not be used any more.
    func free() {
        if isMapped {
            unsafe munmap(words, byteCount)
        } else {
            unsafe words.deallocate()
        }
    }

    var byteCount: Int { placeCount * width * MemoryLayout<UInt64>.stride }

    /// Where `fingerprint` stands; nil if it does not.
    @inline(__always)
    func place(of fingerprint: UInt64) -> Int? {
        let place = lowerBound(fingerprint)
        return self.fingerprint(at: place) == fingerprint ? place : nil
    }

    /// Has the processor fetch what a lookup will need; its result means nothing.
    @inline(__always)
    func touch(_ fingerprint: UInt64) -> UInt64 { self.fingerprint(at: home(of: fingerprint)) }

    /// Word `index` of what belongs to the fingerprint at `place`, from 1.
    @inline(__always)
    func word(_ index: Int, at place: Int) -> UInt64 { unsafe words[place * width + index] }

    mutating func set(_ value: UInt64, _ index: Int, at place: Int) { unsafe words[place * width + index] = value }

    enum Insertion: Equatable {
        case found(place: Int)
        /// Its other words are zero.
        case placed(place: Int)
        /// There is no room.
        case full
    }

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

    /// A table with the same content and about a quarter more room; nil if that would be too large.
    func grown() -> FingerprintTable? {
        var placeCount = self.placeCount
        while true {
            placeCount = Self.placeCount(after: placeCount, width: width)
            guard placeCount * width * MemoryLayout<UInt64>.stride <= Self.byteCountMax else { return nil }
            if let table = copy(from: 0, to: .max, sharedBits: sharedBits, placeCount: placeCount) { return table }
        }
    }

    /// Two tables with the fingerprints whose next bit is 0 and 1.
    func split() -> (FingerprintTable, FingerprintTable) {
        let bit = UInt64(1) << (63 - sharedBits)
        // Any of them tells the bits that all share; a full table is not empty.
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

    /// The first place from home on that is empty or has no smaller fingerprint.
    @inline(__always)
    private func lowerBound(_ fingerprint: UInt64) -> Int {
        var place = home(of: fingerprint)
        // An empty place counts as larger than all.
        while self.fingerprint(at: place) &- 1 < fingerprint &- 1 { place += 1 }
        return place
    }
}
