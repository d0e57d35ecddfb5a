import Encoding
import JOSE
import OpenSSL

/// Caches tokens whose public-key signature was verified, so that the next verification needs only a comparison.
///
/// The cache stores and compares whole tokens; a hash only selects the slots to search. It records nothing except that
/// the signature is valid: times, claims and revocation are checked every time. One thread and one keyring own it.
///
/// Tokens are stored one after the other in blocks, and the oldest block is reused. Inserting a token copies it into
/// existing memory, without an allocation.
package struct SignatureCache: ~Copyable {
    static let slotCount = 4_096
    /// The number of slots in a set. A token may be in any slot of two sets and is inserted into the emptier one, so
    /// that frequent tokens rarely evict each other before most slots are in use.
    static let wayCount = 4
    /// Has room for several of the longest tokens.
    static let blockByteCount = 64 << 10
    static let blockCount = 64
    package static let byteCountMax = blockCount * blockByteCount

    /// The location of one token.
    private struct Slot {
        /// The number of the block, counted from the first block ever used, so that no number repeats.
        var block: Int
        /// A hash of the token that avoids most unsuccessful comparisons.
        var mark: UInt32
        var offset: UInt16
        /// 0 for an empty slot.
        var count: UInt16
    }

    private var slots: [Slot] = []
    private var blocks: [[UInt8]] = []
    /// The current block; it has overwritten the block whose number is ``blockCount`` lower.
    private var block = -1
    /// How many bytes of the current block are in use.
    private var end = blockByteCount
    private var hand = 0
    /// Secret, so that an attacker cannot choose tokens that share a slot.
    private let seed: (UInt64, UInt64)

    package init() {
        seed = (Random.next64() | 1, Random.next64() | 1)
    }

    /// The size of all blocks.
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

    /// - Precondition: the token's signature has just been verified.
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

    /// Returns whether the slot's token has not been overwritten.
    private func isKept(_ slot: Slot) -> Bool {
        slot.count > 0 && slot.block > block - Self.blockCount
    }

    private func freeCount(in set: Int) -> Int {
        (set..<(set + Self.wayCount)).count { !isKept(slots[$0]) }
    }

    private func freeSlot(in set: Int) -> Int? {
        (set..<(set + Self.wayCount)).first { !isKept(slots[$0]) }
    }

    /// Returns the slot to evict, which is each slot of both sets in turn.
    private mutating func slotToEmpty(_ place: Place) -> Int {
        hand = (hand + 1) % (2 * Self.wayCount)
        return (hand < Self.wayCount ? place.sets.0 : place.sets.1) + hand % Self.wayCount
    }
}

extension SignatureCache {
    /// The sets to search for a token, computed from the signature's first 16 letters, which are effectively random.
    private struct Place {
        /// The first slots of the two sets that can contain the token.
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
