internal import Octets

/// Turns identifiers into 8 octets under a key of this process, so that nobody can choose identifiers that collide.
struct FingerprintKey: Sendable {
    private let first: UInt64
    private let second: UInt64

    init(random: () -> UInt64) {
        first = random()
        second = random() | 1
    }

    /// Never 0, which marks an empty place.
    func fingerprint(_ id: UUID) -> UInt64 {
        let folded = Self.fold(id.high ^ first, id.low ^ second)
        return max(1, Self.fold(folded ^ second, id.low &+ first))
    }

    private static func fold(_ left: UInt64, _ right: UInt64) -> UInt64 {
        let product = left.multipliedFullWidth(by: right)
        // A zero factor would forget the other one.
        return product.high ^ product.low ^ left ^ (right << 32 | right >> 32)
    }
}

/// Open addressing over 8-octet fingerprints: a set, 10.7 to 21.3 octets an entry.
struct FingerprintSet: Sendable {
    private var places: [UInt64] = Array(repeating: 0, count: 8)
    private(set) var count = 0

    func contains(_ fingerprint: UInt64) -> Bool {
        let mask = places.count - 1
        var index = Int(truncatingIfNeeded: fingerprint) & mask
        // Ends at an empty place; a quarter of them always is.
        while places[index] != 0 {
            if places[index] == fingerprint { return true }
            index = (index + 1) & mask
        }
        return false
    }

    /// - Returns: false if it was there.
    mutating func insert(_ fingerprint: UInt64) -> Bool {
        if (count + 1) * 4 > places.count * 3 { grow() }
        guard Self.place(fingerprint, in: &places) else { return false }
        count += 1
        return true
    }

    private mutating func grow() {
        var larger = [UInt64](repeating: 0, count: places.count * 2)
        for fingerprint in places where fingerprint != 0 { _ = Self.place(fingerprint, in: &larger) }
        places = larger
    }

    private static func place(_ fingerprint: UInt64, in places: inout [UInt64]) -> Bool {
        let mask = places.count - 1
        var index = Int(truncatingIfNeeded: fingerprint) & mask
        while places[index] != 0 {
            if places[index] == fingerprint { return false }
            index = (index + 1) & mask
        }
        places[index] = fingerprint
        return true
    }
}

/// Open addressing over fingerprints with a rotation each: 24 octets a place, at most three quarters of them taken.
struct RotationTable: Sendable {
    private var places: [UInt64] = Array(repeating: 0, count: 8)
    private var values: [Rotation] = Array(repeating: Rotation(generation: 0, request: 0, at: 0), count: 8)
    private(set) var count = 0

    func rotation(of fingerprint: UInt64) -> Rotation? {
        let index = Self.index(of: fingerprint, in: places)
        return places[index] == 0 ? nil : values[index]
    }

    /// - Returns: whether the session is new.
    mutating func set(_ rotation: Rotation, of fingerprint: UInt64) -> Bool {
        if (count + 1) * 4 > places.count * 3 { grow() }
        let index = Self.index(of: fingerprint, in: places)
        let isNew = places[index] == 0
        if isNew { count += 1 }
        places[index] = fingerprint
        values[index] = rotation
        return isNew
    }

    private mutating func grow() {
        var larger = [UInt64](repeating: 0, count: places.count * 2)
        var moved = [Rotation](repeating: Rotation(generation: 0, request: 0, at: 0), count: larger.count)
        for (index, fingerprint) in places.enumerated() where fingerprint != 0 {
            let place = Self.index(of: fingerprint, in: larger)
            larger[place] = fingerprint
            moved[place] = values[index]
        }
        places = larger
        values = moved
    }

    /// Where it stands, or the empty place where it belongs.
    private static func index(of fingerprint: UInt64, in places: [UInt64]) -> Int {
        let mask = places.count - 1
        var index = Int(truncatingIfNeeded: fingerprint) & mask
        while places[index] != 0, places[index] != fingerprint { index = (index + 1) & mask }
        return index
    }
}
