import Keys
import Platform
import Testing
@testable import Tokens

@Suite("TokenLimits")
struct TokenLimitsTests {
    /// Everything that follows from the basic bounds, in milliseconds, for a session that may be unused for an hour.
    private static func derived(_ limits: TokenLimits) -> [String: Int64] {
        let retention = KeyRetention(refreshIdle: 3_600, limits: limits)
        return [
            "sessionMax": limits.sessionMax, "tokenMax": limits.tokenMax, "deviceMax": limits.deviceMax,
            "denylistMargin": limits.denylistMargin,
            "purgeMargin": limits.purgeMargin, "cutMargin": limits.cutMargin,
            "access key": retention.keep(.access), "refresh key": retention.keep(.refresh),
            "acceptedUntil": limits.acceptedUntil(0, leeway: .max).count,
        ]
    }

    @Test func `the bounds of this version`() {
        let limits = TokenLimits.standard
        #expect(limits.accessLifetime == 30...3_600)
        #expect(limits.sessionLifetime == 60...34_560_000)
        #expect(limits.mintedLifetimeMax == 86_400)
        #expect(limits.leewayMax == 60 && limits.refreshGraceMax == 60)
        #expect(
            Self.derived(limits) == [
                "sessionMax": 34_560_000_000, "tokenMax": 86_400_000, "deviceMax": 15_552_000_000,
                "denylistMargin": 61_000, "purgeMargin": 300_000, "cutMargin": 3_600_000, "access key": 3_660_000,
                "refresh key": 3_660_000,
                "acceptedUntil": 60_000,
            ])
    }

    @Test func `a raised bound moves every time that depends on it, by as much`() {
        var changes: [(bound: String, limits: TokenLimits, moved: Set<String>)] = []
        func raise(_ bound: String, _ moved: Set<String>, _ change: (inout TokenLimits) -> Void) {
            var limits = TokenLimits.standard
            change(&limits)
            changes.append((bound, limits, moved))
        }
        let hour: Int64 = 3_600
        raise("leeway", ["denylistMargin", "purgeMargin", "cutMargin", "access key", "refresh key", "acceptedUntil"]) {
            $0.leewayMax += hour
        }
        raise("access lifetime", ["access key"]) { $0.accessLifetime = 30...($0.accessLifetime.upperBound + hour) }
        raise("minted lifetime", ["tokenMax"]) { $0.mintedLifetimeMax += hour }
        raise("device", ["deviceMax"]) { $0.deviceLifetime += hour }
        raise("session", ["sessionMax"]) { $0.sessionLifetime = 60...($0.sessionLifetime.upperBound + hour) }
        raise("slow clock", ["purgeMargin"]) { $0.slowClockMax += hour }
        raise("fast clock", ["cutMargin"]) { $0.fastClockMax += hour }
        let before = Self.derived(.standard)
        for (bound, limits, moved) in changes {
            for (name, value) in Self.derived(limits) {
                #expect(value - (before[name] ?? 0) == (moved.contains(name) ? hour * 1_000 : 0), "\(bound): \(name)")
            }
        }
        var long = TokenLimits.standard
        long.accessLifetime = 30...(long.mintedLifetimeMax + hour)
        #expect(long.tokenMax == (long.mintedLifetimeMax + hour) * 1_000, "a setting above every minted token")
    }

    /// Whatever bounds are set, a revoked token is rejected for as long as any verifier accepts it.
    @Test(arguments: [0, 1, 60, 600, 86_400] as [Int64])
    func `nothing is removed while a token is accepted`(_ leeway: Int64) {
        var limits = TokenLimits.standard
        limits.leewayMax = leeway
        let accepted = limits.acceptedUntil(0, leeway: .max).count
        #expect(limits.denylistMargin > accepted)
        #expect(limits.purgeMargin > accepted && limits.cutMargin > accepted)
        #expect(limits.accessKeyRetention >= limits.accessLifetime.upperBound * 1_000 + accepted)
    }

    @Test func `a leeway is bounded`() {
        #expect([-1, 0, 60, 61, .max].map { TokenLimits.standard.leeway($0) } == [0, 0, 60, 60, 60])
    }
}
