/// The cost of one Argon2id hash (RFC 9106 §3.1), within what this service is willing to spend on one.
///
/// The bounds also hold for hashes that a file brings along: one user's record must not be able to ask for 4 GiB or
/// an hour.
package struct Argon2Parameters: Equatable, Sendable {
    package static let memoryKiBMax = 262_144
    package static let lanesMax = 16
    /// Memory times passes, which is what the time grows with; about a second.
    package static let workMax = 1_048_576

    /// OWASP's first choice: 19 MiB, two passes, one lane (F6).
    package static let standard = Argon2Parameters(unchecked: 19_456, passes: 2, lanes: 1)

    package let memoryKiB: Int
    package let passes: Int
    package let lanes: Int

    /// `nil` outside the bounds, or below the eight blocks a lane that RFC 9106 asks for.
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

    /// Whether new passwords may be stored at this cost: 19 MiB and two passes, or one of the pairs that the OWASP
    /// Password Storage Cheat Sheet calls equal (F6).
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

    /// From settings as text; what is not set is as in ``standard``.
    /// - Throws: `.invalid` for what is no number, out of bounds, or too weak for new passwords (F6).
    package static func configured(memoryKiB: String?, passes: String?, lanes: String?) throws(AccountsError)
        -> Argon2Parameters
    {
        let memory = memoryKiB.map { Int($0) } ?? standard.memoryKiB
        let passes = passes.map { Int($0) } ?? standard.passes
        let lanes = lanes.map { Int($0) } ?? standard.lanes
        guard let memory, let passes, let lanes,
            let parameters = Argon2Parameters(memoryKiB: memory, passes: passes, lanes: lanes), parameters.isAdequate
        else {
            throw .invalid(
                field: "Argon2 memory (KiB), passes and lanes",
                expected:
                    "at least 19456, 2 and 1, or 47104 with 1 pass, 12288 with 3, 9216 with 4, 7168 with 5; at most "
                    + "\(memoryKiBMax), memory times passes at most \(workMax), lanes at most \(lanesMax)")
        }
        return parameters
    }

    /// Whether a hash of this cost should be made again at `wanted` (F7).
    package func isWeaker(than wanted: Argon2Parameters) -> Bool {
        memoryKiB < wanted.memoryKiB || passes < wanted.passes
    }
}
