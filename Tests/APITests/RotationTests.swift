import Foundation
import Service
import Testing
import Token

@Suite("Rotations of keys under way (C9, M6)")
struct RotationTests {
    static let lead: Int64 = 900_000
    /// How long the verifier outside keeps the published set, in seconds: longer than the server asks for.
    static let cached: Int64 = 600

    let world: World
    let refresh = World.made(.hs256, .refresh)
    var keys: KeySet

    init() throws {
        world = try World()
        keys = KeySet(world.realm.keyring.current.keys)
    }

    /// As the housekeeping does it: the keyring of each moment holds what verifies then.
    private func publish() throws {
        world.realm.keyring.replace(with: try Keyring(keys.living(at: world.clock.now)))
    }

    private mutating func rotate(_ purpose: Key.Purpose, _ algorithm: Algorithm) throws {
        let now = world.clock.now
        let changed = try keys.rotation(
            to: World.made(algorithm, purpose, at: now), at: now, lead: Self.lead,
            keep: { $0 == .access ? 3_660_000 : 14 * 86_400_000 })
        keys = KeySet(keys.keys.filter { key in !changed.contains { $0.kid == key.kid } } + changed)
    }

    /// A verifier elsewhere that holds the published set as it was when it was fetched.
    private func outsider() throws -> Verifier {
        let set =
            try JSONSerialization.jsonObject(
                with: Data(world.send(Ask("GET", "/.well-known/jwks.json")).body)) as? [String: [[String: Any]]]
        let keys = try (set?["keys"] ?? []).map { jwk in
            let text = [UInt8](try JSONSerialization.data(withJSONObject: jwk))
            return try Key(JWK(parsing: text.span), purpose: .access, lifecycle: KeyLifecycle(createdAt: 0))
        }
        return try Verifier(keyring: Keyring(keys + [refresh]), issuer: World.issuer, leeway: 0)
    }

    @Test mutating func `refuse nobody, here or at a verifier that keeps the set for ten minutes`() throws {
        var pairs = (0..<3).map { _ in world.pair() }
        var outsider = try outsider()
        var fetched = world.clock.seconds
        var living: [(token: String, expires: Int64)] = []
        var signers: Set<String> = []
        var checks = 0
        // Six hours in steps of half a minute, a rotation of the pair each hour and of the secrets now and then.
        for step in 0..<720 {
            world.clock.advance(30)
            if step % 120 == 7 { try rotate(.access, .rs256) }
            if step == 100 { try rotate(.refresh, .hs256) }
            if step == 300 { try rotate(.access, .hs256) }
            try publish()
            if world.clock.seconds - fetched >= Self.cached {
                outsider = try self.outsider()
                fetched = world.clock.seconds
            }
            let index = step % pairs.count
            let answer = world.refresh(pairs[index].refresh)
            try #require(answer.status == 200, "step \(step)")
            pairs[index] = World.Pair(answer)
            living.append((pairs[index].access, world.clock.seconds + 600))
            living.removeAll { $0.expires <= world.clock.seconds }
            for (token, _) in living {
                #expect(world.verify(token).status == 200, "step \(step)")
                let octets = Array(token.utf8)
                let claims = try outsider.verify(
                    octets.span, audience: AudienceExpectation("api"), now: world.clock.now)
                signers.insert(outsider.keyring.keys[claims.keyIndex].kid)
                checks += 1
            }
        }
        #expect(signers.count == 7 && checks > 10_000)
        let set = try #require(world.send(Ask("GET", "/.well-known/jwks.json")).json["keys"] as? [Any])
        #expect(set.count <= 3, "keys whose last token is over leave the set")
    }

    @Test mutating func `a replay that a change of secrets lies before repeats the same bytes (G5)`() throws {
        let token = world.pair().refresh
        try rotate(.refresh, .hs256)
        try publish()
        world.clock.advance(Self.lead / 1_000 - 5)
        let first = world.refresh(token)
        world.clock.advance(8)
        try publish()
        let again = world.refresh(token)
        #expect(first.status == 200 && again.body == first.body && again["refresh-outcome"] == "replayed")
        #expect(world.refresh(World.Pair(again).refresh).status == 200)
    }
}
