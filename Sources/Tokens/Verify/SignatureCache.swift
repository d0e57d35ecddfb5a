import Encoding
import JOSE
import OpenSSL

/// Tokens whose public-key signature was found good, so that the next look costs a comparison.
///
/// Holds whole tokens and compares whole tokens: a hash only says where to look. It remembers nothing but "the signature
/// holds"; times, claims and revocation are looked at every time. One thread and one keyring own it.
///
/// Tokens lie one behind the other in blocks, the oldest block is used again for the next ones: remembering a token is one
/// copy into memory that was used before, and asks no allocator.
package struct SignatureCache: ~Copyable {
    static let slotCount = 4_096
    /// How many slots stand side by side in a set. A token may lie in any slot of two sets and goes to the emptier
    /// one, so that busy tokens seldom push each other out before most slots are taken.
    static let wayCount = 4
    /// Holds several of the longest tokens.
    static let blockByteCount = 64 << 10
    static let blockCount = 64
    package static let byteCountMax = blockCount * blockByteCount

    /// Where a token lies.
    private struct Slot {
        /// Of the block, counted from the first one ever used, so that no number comes twice.
        var block: Int
        /// Computed from the token, to spare most comparisons that would fail.
        var mark: UInt32
        var offset: UInt16
        /// 0 for none.
        var count: UInt16
    }

    private var slots: [Slot] = []
    private var blocks: [[UInt8]] = []
    /// The block in use; the one with the same number but for a multiple of ``blockCount`` has been overwritten.
    private var block = -1
    /// How many octets of the block in use are taken.
    private var end = blockByteCount
    private var hand = 0
    /// Unknown outside, so that nobody can aim tokens at one place.
    private let seed: (UInt64, UInt64)

    package init() {
        seed = (Random.next64() | 1, Random.next64() | 1)
    }

    /// Octets of all blocks.
    package var byteCount: Int { blocks.count * Self.blockByteCount }

    package func holds(_ token: Span<UInt8>, signature: Range<Int>) -> Bool {
        guard !slots.isEmpty, let place = Place(of: token, signature, seed) else { return false }
        return holds(token, place.mark, in: place.sets.0) || holds(token, place.mark, in: place.sets.1)
    }

    private func holds(_ token: Span<UInt8>, _ mark: UInt32, in set: Int) -> Bool {
        for index in set..<(set + Self.wayCount) {
            let slot = slots[index]
            guard slot.mark == mark, slot.count == token.count, isKept(slot) else { continue }
            let block = blocks[slot.block % Self.blockCount]
            let start = Int(slot.offset)
            if block.span.extracting(start..<(start + token.count)).hasSameBytes(as: token) { return true }
        }
        return false
    }

    /// - Precondition: the token's signature has just been found good.
    package mutating func insert(_ token: Span<UInt8>, signature: Range<Int>) {
        guard token.count <= CompactJWS.byteCountMax, let place = Place(of: token, signature, seed) else { return }
        if slots.isEmpty {
            slots = Array(repeating: Slot(block: 0, mark: 0, offset: 0, count: 0), count: Self.slotCount)
        }
        if end + token.count > Self.blockByteCount { beginBlock() }
        let isFirst = freeCount(in: place.sets.0) >= freeCount(in: place.sets.1)
        let index = freeSlot(in: isFirst ? place.sets.0 : place.sets.1) ?? slotToEmpty(place)
        slots[index] = Slot(
            block: block, mark: place.mark, offset: UInt16(truncatingIfNeeded: end),
            count: UInt16(truncatingIfNeeded: token.count))
        blocks[block % Self.blockCount].replace(from: end, with: token)
        end += token.count
    }

    private mutating func beginBlock() {
        block += 1
        end = 0
        if blocks.count < Self.blockCount { blocks.append([UInt8](repeating: 0, count: Self.blockByteCount)) }
    }

    /// Whether the slot's token has not been overwritten.
    private func isKept(_ slot: Slot) -> Bool {
        slot.count > 0 && slot.block > block - Self.blockCount
    }

    private func freeCount(in set: Int) -> Int {
        (set..<(set + Self.wayCount)).count { !isKept(slots[$0]) }
    }

    private func freeSlot(in set: Int) -> Int? {
        (set..<(set + Self.wayCount)).first { !isKept(slots[$0]) }
    }

    /// Each slot of both sets in turn.
    private mutating func slotToEmpty(_ place: Place) -> Int {
        hand = (hand + 1) % (2 * Self.wayCount)
        return (hand < Self.wayCount ? place.sets.0 : place.sets.1) + hand % Self.wayCount
    }
}

extension SignatureCache {
    /// Where to look for a token: from the signature's first 16 letters, which are as good as random.
    private struct Place {
        /// The first slots of the two sets that it may lie in.
        let sets: (Int, Int)
        let mark: UInt32

        init?(of token: Span<UInt8>, _ signature: Range<Int>, _ seed: (UInt64, UInt64)) {
            guard signature.count >= 16 else { return nil }
            let words = (token.word(at: signature.lowerBound), token.word(at: signature.lowerBound + 8))
            let product = (words.0 ^ seed.0).multipliedFullWidth(by: words.1 ^ seed.1)
            let mixed = product.high ^ product.low
            let setCount = UInt64(slotCount / wayCount)
            sets = (
                Int(truncatingIfNeeded: mixed % setCount) * wayCount,
                Int(truncatingIfNeeded: mixed / setCount % setCount) * wayCount
            )
            mark = UInt32(truncatingIfNeeded: mixed >> 32)
        }
    }
}
