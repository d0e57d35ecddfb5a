/// The cost of one Argon2id hash (RFC 9106 §3.1), within the limits of the server.
///
/// The limits also apply to imported hashes: one user's record must not require 4 GiB or an hour.
package struct Argon2Parameters: Equatable, Sendable {
    package static let memoryKiBMax = 262_144
    package static let lanesMax = 16
    /// Memory times passes, which determines the time; about one second.
    package static let workMax = 1_048_576

    /// The first recommendation of the OWASP Password Storage Cheat Sheet: 19 MiB, two passes, one lane.
    package static let standard = Argon2Parameters(unchecked: 19_456, passes: 2, lanes: 1)

    package let memoryKiB: Int
    package let passes: Int
    package let lanes: Int

    /// `nil` outside the limits, or below eight blocks per lane, the minimum of RFC 9106.
    package init?(memoryKiB: Int, passes: Int, lanes: Int) {
        guard (1...Self.lanesMax).contains(lanes), (8 * lanes...Self.memoryKiBMax).contains(memoryKiB) else {
            return nil
        }
        guard passes >= 1, passes <= Self.workMax / memoryKiB else { return nil }
        self.init(unchecked: memoryKiB, passes: passes, lanes: lanes)
    }

    private init(unchecked memoryKiB: Int, passes: Int, lanes: Int) {
        self.memoryKiB = memoryKiB
        self.passes = passes
        self.lanes = lanes
    }

    /// Whether new passwords may be stored at this cost: 19 MiB and two passes, or a pair that the OWASP Password
    /// Storage Cheat Sheet calls equivalent.
    package var isAdequate: Bool {
        let memoryKiBMin =
            switch passes {
            case 1: 47_104
            case 2: 19_456
            case 3: 12_288
            case 4: 9_216
            default: 7_168
            }
        return memoryKiB >= memoryKiBMin
    }

    /// Returns whether a hash of this cost should be upgraded to `wanted`.
    package func isWeaker(than wanted: Argon2Parameters) -> Bool {
        memoryKiB < wanted.memoryKiB || passes < wanted.passes
    }
}
