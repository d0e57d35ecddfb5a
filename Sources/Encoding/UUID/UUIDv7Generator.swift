package import Platform
import Synchronization

/// Generates UUIDv7 (RFC 9562 §5.7) whose upper halves strictly increase, even if the clock goes back.
///
/// The upper half has 48 bits of milliseconds and a counter of 12 bits, which starts at a random number below 2,048 in
/// each millisecond and carries into the milliseconds when it is full (§6.2, method 1). The lower half is random.
package final class UUIDv7Generator: Sendable {
    private let clock: WallClock
    private let random: @Sendable () -> UInt64
    /// The last upper half without its version: milliseconds shifted left by 12, and the counter.
    private let last: Atomic<UInt64>

    /// - Parameters:
    ///   - random: returns 64 random bits per call.
    ///   - floor: a lower bound; every new upper half is greater.
    package init(clock: WallClock, random: @escaping @Sendable () -> UInt64, above floor: UInt64 = 0) {
        self.clock = clock
        self.random = random
        last = Atomic(UUID.packed(floor))
    }

    package func next() -> UUID {
        UUID(high: nextHigh(), low: random() >> 2 | 1 << 63)
    }

    /// Returns the upper half of the next identifier, for one whose lower half is derived.
    package func nextHigh() -> UInt64 {
        let start = UInt64(clamping: clock.now.count) << 12
        var before = last.load(ordering: .relaxed)
        while true {
            // A random number costs more than the rest, and only the first identifier of a millisecond needs one.
            let packed = before >= start ? before &+ 1 : start | random() & 2_047
            let (isSet, current) = last.compareExchange(
                expected: before, desired: packed, ordering: .acquiringAndReleasing)
            if isSet { return UUID.unpacked(packed) }
            before = current
        }
    }

    /// Makes every later identifier greater than this upper half.
    package func raise(above high: UInt64) {
        _ = last.max(UUID.packed(high), ordering: .acquiringAndReleasing)
    }

    /// Returns whether every later identifier will be greater than this one.
    package func hasReached(_ id: UUID) -> Bool {
        UUID.packed(id.high) <= last.load(ordering: .acquiring)
    }
}

extension UUID {
    /// Returns the smallest upper half of a UUIDv7 of this moment.
    package static func version7High(milliseconds: UnixMilliseconds) -> UInt64 {
        UInt64(clamping: milliseconds.count) << 16 | 0x7000
    }

    /// When a UUIDv7 was made.
    package var milliseconds: UnixMilliseconds { UnixMilliseconds(Int64(high >> 16)) }

    /// Returns an identifier whose lower half is derived from the bytes 8 to 15, with the variant of RFC 9562.
    package static func version7(high: UInt64, lowFrom digest: Span<UInt8>) -> UUID {
        UUID(high: high, low: version8(fromFirst16: digest).low)
    }

    /// Whether the version field says 7 and the variant is that of RFC 9562.
    package var isVersion7: Bool { high >> 12 & 0xF == 7 && low >> 62 == 2 }

    /// Returns a UUIDv8 (RFC 9562 §5.8) of the first 16 bytes; missing ones count as zero.
    package static func version8(fromFirst16 digest: Span<UInt8>) -> UUID {
        var halves: (UInt64, UInt64) = (0, 0)
        for index in 0..<8 {
            halves.0 = halves.0 << 8 | UInt64(index < digest.count ? digest[index] : 0)
            halves.1 = halves.1 << 8 | UInt64(index + 8 < digest.count ? digest[index + 8] : 0)
        }
        return UUID(high: halves.0 & ~0xf000 | 0x8000, low: halves.1 & ~(3 << 62) | 1 << 63)
    }

    /// Returns an upper half without its version bits.
    fileprivate static func packed(_ high: UInt64) -> UInt64 {
        (high >> 16) << 12 | high & 0xfff
    }

    fileprivate static func unpacked(_ packed: UInt64) -> UInt64 {
        (packed >> 12) << 16 | 0x7000 | packed & 0xfff
    }
}
