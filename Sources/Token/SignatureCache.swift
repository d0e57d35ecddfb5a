import OpenSSL

/// Tokens whose public-key signature was found good, so that the next look costs a comparison.
///
/// Holds whole tokens and compares whole tokens: a hash only says where to look. It remembers nothing but "the signature
/// holds"; times, claims and revocation are looked at every time. One thread and one keyring own it.
package struct SignatureCache: ~Copyable {
    static let slotCount = 4_096
    /// How many slots a token may lie in, so that two busy tokens seldom push each other out.
    static let wayCount = 4
    package static let byteCountMax = 4 << 20
    /// What an array costs besides its elements.
    private static let overheadByteCount = 32

    private var tokens: [[UInt8]] = []
    /// Of the token in the same slot; 0 for none. Spares most comparisons that would fail.
    private var marks: [UInt64] = []
    package private(set) var byteCount = 0
    private var hand = 0
    /// Unknown outside, so that nobody can aim tokens at one place.
    private let seed: (UInt64, UInt64)

    package init() {
        seed = (Random.next64() | 1, Random.next64() | 1)
    }

    package func holds(_ token: Span<UInt8>, signature: Range<Int>) -> Bool {
        guard !marks.isEmpty, let mark = mark(token, signature) else { return false }
        for slot in Self.slots(of: mark) where marks[slot] == mark {
            let known = tokens[slot]
            if known.span.hasSameOctets(as: token) { return true }
        }
        return false
    }

    /// - Precondition: the token's signature has just been found good.
    package mutating func insert(_ token: Span<UInt8>, signature: Range<Int>) {
        guard let mark = mark(token, signature) else { return }
        if tokens.isEmpty {
            tokens = Array(repeating: [], count: Self.slotCount)
            marks = Array(repeating: 0, count: Self.slotCount)
        }
        let slots = Self.slots(of: mark)
        let slot = slots.first { marks[$0] == 0 } ?? slots.lowerBound + hand % Self.wayCount
        clear(slot)
        let cost = token.count + Self.overheadByteCount
        advanceHand()
        while byteCount + cost > Self.byteCountMax {
            clear(hand)
            advanceHand()
        }
        tokens[slot] = unsafe token.withUnsafeBufferPointer { unsafe Array($0) }
        marks[slot] = mark
        byteCount += cost
    }

    private mutating func clear(_ slot: Int) {
        guard marks[slot] != 0 else { return }
        byteCount -= tokens[slot].count + Self.overheadByteCount
        tokens[slot] = []
        marks[slot] = 0
    }

    private mutating func advanceHand() {
        hand = (hand + 1) % Self.slotCount
    }

    private static func slots(of mark: UInt64) -> Range<Int> {
        let first = Int(truncatingIfNeeded: mark % UInt64(slotCount / wayCount)) * wayCount
        return first..<(first + wayCount)
    }

    /// Computed from the signature's first 16 letters, which are as good as random; never 0.
    private func mark(_ token: Span<UInt8>, _ signature: Range<Int>) -> UInt64? {
        guard signature.count >= 16 else { return nil }
        var words: (UInt64, UInt64) = (0, 0)
        for index in signature.lowerBound..<(signature.lowerBound + 8) {
            words.0 = words.0 << 8 | UInt64(token[index])
            words.1 = words.1 << 8 | UInt64(token[index + 8])
        }
        let product = (words.0 ^ seed.0).multipliedFullWidth(by: words.1 ^ seed.1)
        return max(1, product.high ^ product.low)
    }
}
