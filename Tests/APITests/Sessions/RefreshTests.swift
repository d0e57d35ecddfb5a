import Keys
import Testing
import Tokens

@Suite("POST /refresh and /token")
struct RefreshTests {
    let world: World

    init() throws { world = try World() }

    @Test func `rotates, and the access tokens of the session go on (G2, I1, I2)`() {
        let first = world.pair()
        world.clock.advance(60)
        let answer = world.refresh(first.refresh)
        #expect(answer.status == 200 && answer["refresh-outcome"] == "rotated" && answer["cache-control"] == "no-store")
        let second = World.Pair(answer)
        #expect(second.sid == first.sid && second.refresh != first.refresh && second.access != first.access)
        #expect(world.verify(first.access).status == 200)
        let claims = world.verify(second.access).claims
        #expect(
            claims["auth_time"] as? Int64 == world.clock.seconds - 60 && claims["iat"] as? Int64 == world.clock.seconds)
        #expect(claims["jti"] as? String != world.verify(first.access).claims["jti"] as? String)
        #expect(claims["exp"] as? Int64 == world.clock.seconds + 600)
    }

    @Test func `a replay within the grace time repeats the answer, byte for byte (G5)`() {
        let token = world.pair().refresh
        let first = world.refresh(token)
        world.clock.advance(9)
        let again = world.refresh(token)
        #expect(again.status == 200 && again.body == first.body && again["refresh-outcome"] == "replayed")
    }

    static let sameScopes: [(String?, String?)] = [
        (nil, "admin write read"), (nil, "read read write admin"), ("read write", "write read"),
        ("write read", "read write read"), ("admin", "admin admin"), ("read write admin", nil),
    ]

    @Test(arguments: sameScopes)
    func `scope is a set: the same one in another order is the same request (RFC 6749 3.3)`(
        _ first: String?, _ second: String?
    ) {
        let token = world.pair().refresh
        func ask(_ scope: String?) -> Answer {
            let scope = scope.map { "&scope=" + $0.replacing(" ", with: "+") } ?? ""
            return world.send(Ask("POST", "/refresh").form("refresh_token=\(token)\(scope)"))
        }
        let (one, two) = (ask(first), ask(second))
        #expect(one.status == 200 && one["refresh-outcome"] == "rotated")
        #expect(two.status == 200 && two["refresh-outcome"] == "replayed" && two.body == one.body)
        #expect(ask("write").code == "refresh_mismatch")
    }

    @Test func `two uses at once get one successor (G4)`() {
        let token = world.pair().refresh
        let ask = Ask("POST", "/refresh").form(["refresh_token": token])
        let waiting = (0..<4).map { _ in world.start(ask) }
        let answers = waiting.map { $0() }
        #expect(answers.allSatisfy { $0.status == 200 } && Set(answers.map(\.body)).count == 1)
        #expect(world.refresh(World.Pair(answers[0]).refresh).status == 200)
    }

    @Test(arguments: [true, false])
    func `a spent token ends the session with all its tokens (G3)`(_ isInGrace: Bool) {
        let first = world.pair()
        let second = World.Pair(world.refresh(first.refresh))
        let third = World.Pair(world.refresh(second.refresh))
        if !isInGrace { world.clock.advance(11) }
        #expect(world.refresh(first.refresh).code == "refresh_reused")
        #expect(world.refresh(third.refresh).code == "session_revoked")
        for token in [first.access, second.access, third.access] {
            #expect(world.verify(token).code == "session_revoked")
        }
        #expect(world.log.events("refresh_reused").first?["level"] as? String == "warning")
        #expect(world.verify(world.pair().access).status == 200)
    }

    @Test func `rotation never moves the session's end (G6, G7)`() {
        var pair = world.pair()
        for _ in 0..<6 {
            world.clock.advance(14 * 86_400 - 1)
            let answer = world.refresh(pair.refresh)
            #expect(answer.status == 200)
            pair = World.Pair(answer)
        }
        world.clock.advance(5 * 86_400)
        let last = world.refresh(pair.refresh)
        #expect(last.number("refresh_expires_in") == 86_406)
        world.clock.advance(86_400)
        let ending = world.refresh(World.Pair(last).refresh)
        #expect(ending.number("expires_in") == 6 && ending.number("refresh_expires_in") == 6)
        world.clock.advance(6)
        #expect(world.refresh(World.Pair(ending).refresh).code == "refresh_expired")
    }

    @Test func `scope may narrow for one answer and never widens (G8)`() {
        let first = World.Pair(
            world.send(
                Ask("POST", "/login").form(["username": "alice", "password": World.password, "scope": "read write"])))
        let narrow = world.send(Ask("POST", "/refresh").form(["refresh_token": first.refresh, "scope": "read"]))
        #expect(narrow.string("scope") == "read")
        #expect(world.verify(World.Pair(narrow).access).claims["scope"] as? String == "read")
        let second = World.Pair(narrow).refresh
        #expect(
            world.send(Ask("POST", "/refresh").form(["refresh_token": second, "scope": "read admin"])).status == 400)
        let whole = world.refresh(second)
        #expect(whole.string("scope") == "read write")
        let audience = world.send(
            Ask("POST", "/refresh").form(["refresh_token": World.Pair(whole).refresh, "audience": "shared"]))
        #expect(audience.code == "audience_invalid")
    }

    @Test func `a mismatch within the grace time ends nothing (G5)`() {
        let first = world.pair()
        let second = World.Pair(world.refresh(first.refresh))
        let other = world.send(Ask("POST", "/refresh").form(["refresh_token": first.refresh, "scope": "read"]))
        #expect(other.status == 400 && other.code == "refresh_mismatch" && other.string("error") == "invalid_grant")
        #expect(world.refresh(second.refresh).status == 200)
    }

    @Test func `a client's token needs that client (G9)`() {
        let pair = world.pair(of: "shop")
        let ask = Ask("POST", "/token").form(["grant_type": "refresh_token", "refresh_token": pair.refresh])
        #expect(world.send(ask).status == 401)
        let foreign = world.send(ask.basic("secretive", World.encoded(World.secret)))
        #expect(foreign.status == 400 && foreign.string("error") == "invalid_grant", "RFC 6749 §5.2 (G11)")
        let answer = world.send(ask.basic("shop", World.encoded(World.secret)))
        #expect(answer.status == 200 && answer["refresh-outcome"] == "rotated")
        let firstParty = Ask("POST", "/refresh").form(["refresh_token": world.pair().refresh])
        #expect(world.send(firstParty.basic("shop", World.encoded(World.secret))).status == 403)
    }

    @Test func `refresh takes JSON, token takes a form with a grant type only (F1)`() {
        let token = world.pair().refresh
        let json = Ask("POST", "/refresh").json("{\"refresh_token\":\"\(token)\",\"grant_type\":\"refresh_token\"}")
        #expect(world.send(json).status == 200)
        #expect(world.send(Ask("POST", "/token").json("{\"grant_type\":\"refresh_token\"}")).status == 415)
        #expect(world.send(Ask("POST", "/token").form(["refresh_token": token])).code == "request_malformed")
        for grant in ["password", "authorization_code", "Refresh_token", "Client_credentials"] {
            let answer = world.send(Ask("POST", "/token").form(["grant_type": grant, "refresh_token": token]))
            #expect(answer.status == 400 && answer.string("error") == "unsupported_grant_type")
        }
    }

    @Test func `a disabled or removed account, and a cut by time, end its sessions (G13, G14)`() throws {
        let pair = world.pair()
        let users = world.authState.users.current
        world.authState.users.replace(with: try users.changing("alice") { $0.isDisabled = true })
        #expect(world.verify(pair.access).status == 401 && world.refresh(pair.refresh).status == 401)
        world.authState.users.replace(with: try users.removing("alice"))
        #expect(world.verify(pair.access).status == 401 && world.refresh(pair.refresh).status == 401)
        world.clock.advance(1)
        let cut = world.clock.now
        world.authState.users.replace(with: try users.changing("alice") { $0.sessionsFrom = cut })
        #expect(world.verify(pair.access).status == 401 && world.refresh(pair.refresh).status == 401)
        #expect(world.verify(world.pair().access).status == 200)
    }

    @Test func `what a user may do is read anew at each refresh`() throws {
        let pair = world.pair()
        world.authState.users.replace(
            with: try world.authState.users.current.changing("alice") { $0.roles = ["guest"] })
        #expect(world.verify(pair.access).claims["roles"] as? [String] == ["admin", "ops"])
        #expect(world.verify(World.Pair(world.refresh(pair.refresh)).access).claims["roles"] as? [String] == ["guest"])
    }

    @Test func `a cut secret refuses the tokens that it signed, and no others (G14)`() throws {
        let old = world.pair()
        world.clock.advance(10)
        let newer = World.made(.hs256, .refresh, at: world.clock.now)
        world.authState.keyring.replace(with: try Keyring([World.rs256, World.hs256, World.refresh, newer]))
        let new = world.pair()
        #expect(world.order("{\"kid\":\"\(World.refresh.kid)\"}").status == 200)
        #expect(world.refresh(old.refresh).code == "key_revoked")
        #expect(world.refresh(new.refresh).status == 200)
    }
}
