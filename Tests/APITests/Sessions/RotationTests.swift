import Foundation
import JOSE
import Keys
import Service
import TestForm
import Testing
import Tokens

@Suite("Rotations of keys under way (C9, M6)")
struct RotationTests {
    static let lead: Int64 = 900_000
    /// How long the verifier outside keeps the published set, in seconds: longer than the server asks for.
    static let cached: Int64 = 600
    private static let isQuick = TestForm.current == .quick

    private var world: World
    let refresh = World.made(.hs256, .refresh)
    var keys: KeySet

    init() throws {
        world = try World()
        keys = KeySet(world.authState.keyring.current.keys)
    }

    private mutating func begin(_ algorithm: Algorithm) throws {
        world = try World(keys: [World.key(algorithm), World.hs256, World.refresh]) {
            $0.algorithm = algorithm
        }
        keys = KeySet(world.authState.keyring.current.keys)
    }

    /// As the housekeeping does it: the keyring of each moment holds what verifies then.
    private func publish() throws {
        world.authState.keyring.replace(with: try Keyring(keys.living(at: world.clock.now)))
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

    @Test(arguments: isQuick ? [Algorithm.es256] : [.rs256, .es256, .edDSA])
    mutating func `refuse nobody, here or at a verifier that keeps the set for ten minutes`(
        _ algorithm: Algorithm
    ) throws {
        try begin(algorithm)
        var pairs = (0..<3).map { _ in world.pair() }
        var outsider = try outsider()
        var fetched = world.clock.seconds
        var living: [(token: String, expires: Int64)] = []
        var signers: Set<String> = []
        var checks = 0
        // Six hours in steps of half a minute, a rotation of the pair each hour and of the secrets now and then.
        for step in 0..<720 {
            world.clock.advance(30)
            if step % 120 == 7 { try rotate(.access, algorithm) }
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
            // The quick form looks at all of them every four minutes.
            for (token, _) in living where !Self.isQuick || step % 8 == 7 {
                #expect(world.verify(token).status == 200, "step \(step)")
                let octets = Array(token.utf8)
                let claims = try outsider.verify(
                    octets.span, audience: AudienceExpectation("api"), now: world.clock.now)
                signers.insert(outsider.keyring.keys[claims.keyIndex].kid)
                checks += 1
            }
        }
        #expect(signers.count == 7 && checks > (Self.isQuick ? 1_000 : 10_000))
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

    @Test(arguments: Algorithm.allCases)
    mutating func `a replay repeats claims and jti, and the bytes where signatures repeat (G5)`(
        _ algorithm: Algorithm
    ) throws {
        try begin(algorithm)
        let token = world.pair().refresh
        let first = world.refresh(token)
        let again = world.refresh(token)
        try #require(first.status == 200 && again.status == 200 && again["refresh-outcome"] == "replayed")
        let (one, other) = (World.Pair(first), World.Pair(again))
        #expect(one.refresh == other.refresh)
        #expect((one.access == other.access) == algorithm.isDeterministic)
        #expect(one.access.split(separator: ".")[0...1] == other.access.split(separator: ".")[0...1])
        #expect(world.verify(one.access).status == 200 && world.verify(other.access).status == 200)
        #expect(world.verify(one.access).json["alg"] as? String == algorithm.rawValue)
    }

    @Test(arguments: Algorithm.allCases)
    mutating func `a compromise is refused at once, whatever the algorithm (C9)`(_ algorithm: Algorithm) throws {
        try begin(algorithm)
        let pair = world.pair()
        let now = world.clock.now
        let kid = try #require(keys.signer(.access, algorithm, at: now)?.kid)
        let changed = try keys.compromise(of: kid, at: now) { (purpose, algorithm) throws(KeyError) in
            try Key.generate(algorithm, purpose: purpose, createdAt: now)
        }
        keys = KeySet(keys.keys.filter { key in !changed.contains { $0.kid == key.kid } } + changed)
        try publish()
        #expect(world.verify(pair.access).status == 401)
        let again = world.refresh(pair.refresh)
        #expect(again.status == 200 && world.verify(World.Pair(again).access).status == 200)
    }

    @Test(arguments: Algorithm.allCases)
    mutating func `the published set has each kind's members and nothing else (C4, C5)`(_ algorithm: Algorithm) throws {
        try begin(algorithm)
        let set = try #require(world.send(Ask("GET", "/.well-known/jwks.json")).json["keys"] as? [[String: String]])
        guard !algorithm.isMAC else {
            #expect(set.isEmpty)
            return
        }
        let members: Set<String> =
            switch algorithm.signature {
            case .ecdsa: ["crv", "x", "y"]
            case .ed25519: ["crv", "x"]
            default: ["n", "e"]
            }
        #expect(set.count == 1 && Set(set[0].keys) == members.union(["kty", "use", "alg", "kid"]))
        #expect(set[0]["alg"] == algorithm.rawValue)
    }

    @Test func `a shared secret of another HMAC algorithm speaks for nobody (B1)`() throws {
        let world = try World(keys: [World.key(.hs512), World.hs256, World.refresh]) { $0.algorithm = .hs512 }
        let pair = world.pair()
        #expect(world.verify(pair.access).status == 200)
        let forged = try World(keys: [World.hs256, World.refresh]) { $0.algorithm = .hs256 }.pair()
        #expect(world.verify(forged.access).status == 401)
    }
}
