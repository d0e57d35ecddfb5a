import Accounts
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
}
