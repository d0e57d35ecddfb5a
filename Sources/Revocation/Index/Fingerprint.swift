internal import Encoding
import Platform

/// Hashes identifiers to 8 bytes with a key of this process, so that an attacker cannot choose colliding identifiers.
struct FingerprintKey: Sendable {
    private let first: UInt64
    private let second: UInt64

    init(random: () -> UInt64) {
        first = random()
        second = random() | 1
    }

    /// Returns the fingerprint. It is never 0, which marks an empty slot.
    func fingerprint(_ id: UUID) -> UInt64 {
        let folded = Self.fold(id.high ^ first, id.low ^ second)
        return max(1, Self.fold(folded ^ second, id.low &+ first))
    }

    private static func fold(_ left: UInt64, _ right: UInt64) -> UInt64 {
        let product = left.multipliedFullWidth(by: right)
        // A zero factor would cancel the other one.
        return product.high ^ product.low ^ left ^ (right << 32 | right >> 32)
    }
}

/// Assigns fingerprints to the 64 shards of a table by their leading bits.
enum Shards {
    static let bits: UInt64 = 6

    @inline(__always)
    static func index(of fingerprint: UInt64) -> Int { Int(truncatingIfNeeded: fingerprint >> (64 - bits)) }
}

/// The fingerprints of one shard as a set; 9 to 12 bytes per entry once there are some thousands.
struct FingerprintSet: Sendable {
    private var tree = FingerprintTree(width: 1, sharedBits: Shards.bits)

    var count: Int { tree.count }
    /// Releases the memory, like ``FingerprintTree/free()``.
    func free() { tree.free() }
    var byteCount: Int { tree.byteCount }

    func contains(_ fingerprint: UInt64) -> Bool { tree.contains(fingerprint) }

    func touch(_ fingerprint: UInt64) -> UInt64 { tree.touch(fingerprint) }

    /// Inserts a fingerprint.
    ///
    /// - Returns: false if it was present.
    mutating func insert(_ fingerprint: UInt64) -> Bool { tree.insert(fingerprint) }
}

/// The fingerprints of one shard with one rotation each; 28 to 36 bytes per entry once there are some thousands.
struct RotationTable: Sendable {
    private var tree = FingerprintTree(width: 3, sharedBits: Shards.bits)

    var count: Int { tree.count }
    /// Releases the memory, like ``FingerprintTree/free()``.
    func free() { tree.free() }
    var byteCount: Int { tree.byteCount }

    func rotation(of fingerprint: UInt64) -> Rotation? {
        guard let (numbers, at) = tree.words(of: fingerprint) else { return nil }
        return Rotation(
            generation: UInt32(truncatingIfNeeded: numbers), request: UInt32(truncatingIfNeeded: numbers >> 32),
            at: UnixMilliseconds(Int64(bitPattern: at)))
    }

    /// Sets the rotation of a fingerprint.
    ///
    /// - Returns: whether the session is new.
    mutating func set(_ rotation: Rotation, of fingerprint: UInt64) -> Bool {
        let numbers = UInt64(rotation.generation) | UInt64(rotation.request) << 32
        return tree.set((numbers, UInt64(bitPattern: rotation.at.count)), of: fingerprint)
    }
}
