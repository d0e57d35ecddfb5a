/// A file as the page cache and as the medium have it.
struct SimulatedFile {
    static let pageByteCount = 4_096
    static let sectorByteCount = 512

    /// What a reader through the page cache sees.
    private(set) var cached: [UInt8] = []
    /// What is left after a power cut, as far as nothing is on its way.
    private(set) var medium: [UInt8] = []
    /// Documents whose content is on its way to the medium.
    private(set) var dirty: Set<Int> = []
    private var isSizeDirty = false
    var linkCount: UInt64 = 0

    var isClean: Bool { dirty.isEmpty && !isSizeDirty }

    /// What a reader past the page cache sees: the kernel writes dirty pages back first. What a failed sync marked clean
    /// is not written.
    var direct: [UInt8] {
        var octets = medium
        octets.resize(to: cached.count)
        for page in dirty { octets.take(cached, Self.range(of: page, cached.count)) }
        return octets
    }

    mutating func write(_ octets: ArraySlice<UInt8>, at offset: Int) {
        guard !octets.isEmpty else { return }
        let end = offset + octets.count
        if end > cached.count {
            cached.resize(to: end)
            isSizeDirty = true
        }
        cached.replaceSubrange(offset..<end, with: octets)
        for page in (offset / Self.pageByteCount)...((end - 1) / Self.pageByteCount) { dirty.insert(page) }
    }

    mutating func truncate(to byteCount: Int) {
        cached.resize(to: byteCount)
        dirty = dirty.filter { $0 * Self.pageByteCount < byteCount }
        isSizeDirty = true
    }

    mutating func synchronize() {
        medium.resize(to: cached.count)
        for page in dirty { medium.take(cached, Self.range(of: page, cached.count)) }
        dirty = []
        isSizeDirty = false
    }

    /// A sync that fails: what is written and what is not is chance, and all of it counts as clean from now on.
    mutating func failSync(_ random: inout SplitMix, stale: [[UInt8]]) {
        let before = cached
        settle(&random, stale: stale)
        cached = before
        // The size is metadata, which is written with the next sync.
        isSizeDirty = medium.count != cached.count
    }

    /// Power is cut: each sector of a dirty page is written, or not, or in part.
    mutating func cutPower(_ random: inout SplitMix, stale: [[UInt8]]) {
        settle(&random, stale: stale)
    }

    /// One bit of what is on the medium turns over, unseen.
    mutating func flip(bit: Int) {
        medium[bit / 8] ^= 1 << UInt8(bit % 8)
        cached = medium
    }

    private mutating func settle(_ random: inout SplitMix, stale: [[UInt8]]) {
        let before = medium.count
        let mode = random.below(4)
        // Blocks that were given back last are given out first.
        let old = random.below(4) == 0 ? random.element(of: stale) : random.element(of: Array(stale.suffix(3)))
        if isSizeDirty || !dirty.isEmpty {
            switch random.below(3) {
            case 0: break
            case 1: medium.resize(to: cached.count)
            default:
                let low = min(before, cached.count)
                medium.resize(to: low + random.below(abs(before - cached.count) + 1))
            }
        }
        for page in dirty.sorted() {
            let range = Self.range(of: page, cached.count)
            for start in stride(from: range.lowerBound, to: range.upperBound, by: Self.sectorByteCount) {
                let sector = start..<min(start + Self.sectorByteCount, range.upperBound)
                settle(sector, beyond: before, mode, &random, old)
            }
        }
        dirty = []
        isSizeDirty = false
        cached = medium
    }

    private mutating func settle(
        _ sector: Range<Int>, beyond before: Int, _ mode: Int, _ random: inout SplitMix, _ old: [UInt8]?
    ) {
        let isWritten =
            switch mode {
            case 0: false
            case 1: true
            default: random.below(2) == 0
            }
        if isWritten {
            if medium.count < sector.upperBound { medium.resize(to: sector.upperBound) }
            // Drives promise whole sectors; not all keep it.
            let end = random.chance(100) ? sector.lowerBound + random.below(sector.count) : sector.upperBound
            medium.take(cached, sector.lowerBound..<end)
        } else if sector.lowerBound >= before, sector.lowerBound < medium.count, random.below(4) != 0 {
            // The blocks belong to the file, but what they hold is somebody's who had them before.
            guard let old, old.count >= sector.upperBound else { return }
            medium.take(old, sector.lowerBound..<min(sector.upperBound, medium.count))
        }
    }

    private static func range(of page: Int, _ count: Int) -> Range<Int> {
        let start = min(page * pageByteCount, count)
        return start..<min(start + pageByteCount, count)
    }
}

extension [UInt8] {
    /// RevokeBefore off, or filled up with zeros.
    mutating func resize(to newCount: Int) {
        if count > newCount {
            removeLast(count - newCount)
        } else if count < newCount {
            append(contentsOf: repeatElement(0, count: newCount - count))
        }
    }

    mutating func take(_ other: [UInt8], _ range: Range<Int>) {
        let end = Swift.min(range.upperBound, count, other.count)
        guard range.lowerBound < end else { return }
        replaceSubrange(range.lowerBound..<end, with: other[range.lowerBound..<end])
    }
}
