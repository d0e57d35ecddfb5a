import Accounts
import JOSE
import Platform
import Service
import Testing

@Suite("Tokens that do not fit into cookies")
struct CookieFitTests {
    private static func users(roles: [String: Int]) throws -> UserDirectory {
        var users = UserDirectory()
        for (name, count) in roles.sorted(by: { $0.key < $1.key }) {
            var user = try Office.user(name, UInt64(count))
            user.roles = (0..<count).map { "role-\(1_000 + $0)" }
            users = try users.adding(user)
        }
        return users
    }

    @Test func `names the users whose logins by cookie would fail, and the claim`() throws {
        let users = try Self.users(roles: ["ana": 1, "ben": 150, "cyn": 400])
        let office = try Office(users: users, clients: ClientDirectory())
        let fit = CookieFit(office.context)
        let misfits = fit.misfits(among: users.users, byteCountMax: 4_069, countMax: 10)
        #expect(misfits.map(\.user) == ["cyn"] && misfits.first?.claim == "roles")
        // What fits exactly fits.
        #expect(fit.misfits(among: users.users, byteCountMax: 2_000, countMax: 10).map(\.user) == ["ben", "cyn"])
        #expect(fit.misfits(among: users.users, byteCountMax: 2_000, countMax: 1).map(\.user) == ["ben"])
    }

    @Test(arguments: [Algorithm.hs256, .rs256, .es256])
    func `measures with new keys as with those of the service`(_ algorithm: Algorithm) throws {
        let user = try #require(try Self.users(roles: ["ben": 150]).users.first)
        let settings = AuthSettings(
            issuer: "https://as.example", audiences: ["api"], algorithm: algorithm, sharedSecretAudiences: [],
            extraClaims: [], accessLifetime: 600, refreshIdle: 600, sessionMax: 600, leeway: 0)
        #expect(!CookieFit.isCertain(user, settings))
        let fit = try CookieFit(settings, now: UnixMilliseconds(1_800_000_000_000))
        let misfit = try #require(fit.misfit(user, byteCountMax: 100))
        let signature = [Algorithm.hs256: 43, .rs256: 342, .es256: 86][algorithm] ?? 0
        // 150 roles of nine letters, quotes and commas, in base64url, and what every token has.
        #expect((1_800 * 4 / 3 + signature + 400...1_800 * 4 / 3 + signature + 700).contains(misfit.byteCount))
        #expect(fit.misfit(user, byteCountMax: misfit.byteCount) == nil && misfit.claim == "roles")
        // ,"bsq":9007199254740991 in base64url
        let shared = try CookieFit(settings, isShared: true, now: UnixMilliseconds(1_800_000_000_000))
        let longer = try #require(shared.misfit(user, byteCountMax: 100)).byteCount - misfit.byteCount
        #expect((29...32).contains(longer))
    }
}
