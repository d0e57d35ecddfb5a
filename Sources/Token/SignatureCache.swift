import OpenSSL

/// Tokens whose public-key signature was found good, so that the next look costs a comparison.
///
/// Holds whole tokens and compares whole tokens: a hash only chooses the slot. It remembers nothing but "the signature
/// holds"; times, claims and revocation are looked at every time. One thread and one keyring own it.
package struct SignatureCache: ~Copyable {
    static let slotCount = 4_096
    package static let byteCountMax = 4 << 20
    /// What an array costs besides its elements.
    private static let overheadByteCount = 32

    private var slots: [[UInt8]] = []
    package private(set) var byteCount = 0
    private var hand = 0
    /// Unknown outside, so that nobody can aim tokens at one slot.
    private let seed: (UInt64, UInt64)

    package init() {
        seed = (Random.next64() | 1, Random.next64() | 1)
    }

    package func holds(_ token: Span<UInt8>, signature: Range<Int>) -> Bool {
        guard let slot = slot(token, signature), slot < slots.count else { return false }
        let known = slots[slot]
        return !known.isEmpty && known.span.hasSameOctets(as: token)
    }

    /// - Precondition: the token's signature has just been found good.
    package mutating func insert(_ token: Span<UInt8>, signature: Range<Int>) {
        guard let slot = slot(token, signature) else { return }
        if slots.isEmpty { slots = Array(repeating: [], count: Self.slotCount) }
        clear(slot)
        let cost = token.count + Self.overheadByteCount
        while byteCount + cost > Self.byteCountMax {
            clear(hand)
            hand = (hand + 1) % Self.slotCount
        }
        slots[slot] = unsafe token.withUnsafeBufferPointer { unsafe Array($0) }
        byteCount += cost
    }

    private mutating func clear(_ slot: Int) {
        guard !slots[slot].isEmpty else { return }
        byteCount -= slots[slot].count + Self.overheadByteCount
        slots[slot] = []
    }

    /// Chosen by the signature's first 16 letters, which are as good as random.
    private func slot(_ token: Span<UInt8>, _ signature: Range<Int>) -> Int? {
        guard signature.count >= 16 else { return nil }
        var words: (UInt64, UInt64) = (0, 0)
        for index in signature.lowerBound..<(signature.lowerBound + 8) {
            words.0 = words.0 << 8 | UInt64(token[index])
            words.1 = words.1 << 8 | UInt64(token[index + 8])
        }
        let product = (words.0 ^ seed.0).multipliedFullWidth(by: words.1 ^ seed.1)
        return Int(truncatingIfNeeded: (product.high ^ product.low) % UInt64(Self.slotCount))
    }
}
