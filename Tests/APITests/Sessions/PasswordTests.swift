import Accounts
import Glibc
import HTTP
import Platform
import Service
import Testing

@testable import API

@Suite("POST /password")
struct PasswordTests {
    private static let new = "a new secret"
    let world: World

    init() throws { world = try World() }

    private func ask(
        _ pair: World.Pair, _ current: String = World.password, _ new: String = new
    ) -> Ask {
        Ask("POST", "/password").bearer(pair.access).form(["current_password": current, "new_password": new])
    }

    private func isAlive(_ pair: World.Pair) -> Bool { world.verify(pair.access).status == 200 }
    private func login(_ password: String) -> UInt16 { world.send(World.login("alice", password: password)).status }

    @Test(arguments: [true, false])
    func `the new password counts, other sessions end, this one stays`(_ isForm: Bool) throws {
        let (kept, other, bob) = (world.pair(), world.pair(), world.pair("bob"))
        let json = #"{"current_password":"\#(World.password)","new_password":"\#(Self.new)"}"#
        let answer = world.send(isForm ? ask(kept) : Ask("POST", "/password").bearer(kept.access).json(json))
        #expect(answer.status == 204 && answer.body.isEmpty && answer["cache-control"] == "no-store", "\(answer.text)")
        #expect(answer.revocationSeq == world.authState.revocations.sequence)
        #expect(isAlive(kept) && !isAlive(other) && isAlive(bob))
        #expect(world.refresh(other.refresh).code == "subject_revoked")
        let next = World.Pair(world.refresh(kept.refresh))
        #expect(isAlive(next))
        #expect(world.verify(next.access).claims["auth_time"] as? Int64 == World.start.seconds.count)
        #expect(login(World.password) == 401 && login(Self.new) == 200)
        #expect(world.usersFile.content.user(named: "alice")?.sessionsFrom == 0)
        // Reading the file again changes nothing.
        world.authState.users.apply(world.usersFile.content)
        #expect(isAlive(kept) && !isAlive(other))
        let text = world.log.all.joined()
        #expect(!text.contains(Self.new) && !text.contains(World.password))
        #expect(world.log.events("password_changed").count == 1)
        #expect(
            world.send(Ask("GET", "/metrics", role: .operator)).text.contains(
                "martlet_password_changes_total{result=\"changed\"} 1"))
    }

    @Test(arguments: [
        ("password=x", "request_malformed"), ("current_password=x", "request_malformed"),
        ("new_password=x", "request_malformed"), ("current_password=x&new_password=", "request_malformed"),
        ("current_password=x&new_password=y&x=y", "request_malformed"),
        ("current_password=x&new_password=y&new_password=z", "request_malformed"),
        ("current_password=x&new_password=y&source=192.0.2.1", "request_malformed"),
        ("current_password=x&new_password=y&client_id=shop&client_secret=no", "client_invalid"),
    ])
    func `a malformed request changes nothing`(_ form: String, _ code: String) {
        let pair = world.pair()
        let answer = world.send(Ask("POST", "/password").bearer(pair.access).form(form))
        #expect(answer.code == code, "\(answer.text)")
        let long = String(repeating: "x", count: 1_025)
        #expect(world.send(ask(pair, long)).code == "request_malformed")
        #expect(login(World.password) == 200)
    }

    @Test func `a wrong password is no invalid token, and counts as a failed login`() {
        let pair = world.pair()
        for _ in 0..<3 {
            let answer = world.send(ask(pair, "wrong horse"))
            #expect(answer.status == 403 && answer.code == "password_wrong" && answer["www-authenticate"] == nil)
        }
        let throttled = world.send(ask(pair))
        #expect(throttled.status == 429 && throttled.code == "too_many_attempts" && throttled["retry-after"] != nil)
        #expect(login(World.password) == 429)
        #expect(isAlive(pair))
        #expect(world.log.events("password_refused").count == 4)
    }

    @Test func `a change stays charged, so a user cannot keep the hashing threads busy`() {
        let words = [World.password] + (1...4).map { "correct horse \($0)" }
        let pair = world.pair()
        let statuses = (0..<4).map { world.send(ask(pair, words[$0], words[$0 + 1])).status }
        #expect(statuses == [204, 204, 204, 429])
    }

    @Test func `and failed logins count here`() {
        let pair = world.pair()
        for _ in 0..<3 { #expect(login("wrong horse") == 401) }
        #expect(world.send(ask(pair)).status == 429)
    }

    @Test(arguments: [
        ("short", ["too_short"]), (World.password, ["unchanged"]), ("ALICE", ["too_short", "user_name"]),
        (String(repeating: "x", count: 1_025), ["too_long"]),
    ])
    func `an unfit password is refused with every reason`(_ new: String, _ reasons: [String]) {
        let (pair, other) = (world.pair(), world.pair())
        let answer = world.send(ask(pair, World.password, new))
        #expect(answer.status == 422 && answer.code == "password_unfit", "\(answer.text)")
        #expect(answer.json["reasons"] as? [String] == reasons && answer.string("error") == "invalid_request")
        #expect(login(World.password) == 200 && isAlive(other))
        // Who does not know the password learns nothing about the rules, and nothing is looked up for them.
        #expect(world.send(ask(pair, "wrong horse", new)).code == "password_wrong")
    }

    @Test func `needs a session of a user`() throws {
        #expect(world.send(Ask("POST", "/password").form("current_password=x&new_password=y")).code == "token_missing")
        let shop = try World.clients().changing("shop") { $0.grants = [Client.clientCredentials] }
        world.authState.clients.replace(with: shop)
        let issued = world.send(
            Ask("POST", "/token").form("grant_type=client_credentials").basic("shop", World.encoded(World.secret)))
        let answer = world.send(
            Ask("POST", "/password").bearer(issued.string("access_token") ?? "")
                .form("current_password=x&new_password=y"))
        #expect(answer.status == 400 && answer.code == "request_malformed", "\(answer.text)")
        let pair = world.pair()
        #expect(world.send(Ask("POST", "/logout").bearer(pair.access)).status == 204)
        #expect(world.send(ask(pair)).code == "session_revoked")
        #expect(world.send(ask(World.Pair(world.refresh(world.pair().refresh)))).status == 204)
    }

    @Test func `with a file that cannot be written nothing changes`() {
        let (pair, other) = (world.pair(), world.pair())
        world.usersFile.isWritable = false
        let answer = world.send(ask(pair))
        #expect(answer.status == 503 && answer.code == "users_unavailable" && answer["retry-after"] == "5")
        #expect(isAlive(other) && login(World.password) == 200 && login(Self.new) == 401)
        world.usersFile.isWritable = true
        #expect(world.send(ask(pair)).status == 204)
    }

    @Test func `with a journal that breaks meanwhile the answer says what has changed`() {
        let (pair, other) = (world.pair(), world.pair())
        world.journal.breakDown()
        let answer = world.send(ask(pair))
        #expect(answer.status == 503 && answer.code == "sessions_not_ended", "\(answer.text)")
        #expect(isAlive(pair) && !isAlive(other))
        #expect(world.usersFile.content.user(named: "alice")?.passwordHash != World.hash)
        #expect(world.send(ask(pair, Self.new, "yet another one")).code == "journal_unavailable")
    }

    @Test func `a command that was faster wins, and a stronger hash of the same password does not hinder`() throws {
        let pair = world.pair()
        let stronger = try PasswordHasher(parameters: World.hasher.parameters).hash(
            Array(World.password.utf8), salt: [UInt8](repeating: 9, count: PasswordHasher.saltByteCount))
        world.usersFile.content = try world.usersFile.content.settingPasswordHash(stronger, of: "alice")
        #expect(world.send(ask(pair)).status == 204)
        let other = try World.hasher.hash(
            Array("of the operator".utf8), salt: [UInt8](repeating: 9, count: PasswordHasher.saltByteCount))
        world.usersFile.content = try world.usersFile.content.changing("alice") { $0.passwordHash = other }
        let late = world.send(ask(pair, Self.new, "yet another one"))
        #expect(late.status == 403 && late.code == "password_wrong")
        #expect(world.usersFile.content.user(named: "alice")?.passwordHash == other)
        // The command's content is in use now.
        #expect(login("of the operator") == 200 && login(Self.new) == 401)
    }

    @Test func `a user who is disabled, or removed, meanwhile keeps the password`() throws {
        let (pair, bob) = (world.pair(), world.pair("bob"))
        world.usersFile.content = try world.usersFile.content
            .changing("alice") { user in
                user.isDisabled = true
                user.sessionsFrom = World.start
            }.removing("bob")
        for pair in [pair, bob] {
            let answer = world.send(ask(pair))
            #expect(answer.status == 401 && answer.code == "subject_revoked", "\(answer.text)")
            #expect(!isAlive(pair))
        }
        #expect(world.usersFile.content.user(named: "alice")?.passwordHash == World.hash)
    }

    @Test func `of two changes at once one wins, and a logout in between leaves nothing half done`() {
        let (one, two) = (world.pair(), world.pair())
        // The worker reports its end only after the answer.
        for _ in 0..<1_000 where world.authState.hashing.counts.busy > 0 { usleep(1_000) }
        let (first, second) = (world.start(ask(one)), world.start(ask(two, World.password, "the other secret")))
        let answers = [first(), second()]
        #expect(answers.count { $0.status == 204 } == 1, "\(answers.map(\.text))")
        let refused = answers.first { $0.status != 204 }
        #expect(refused.map { ["password_wrong", "subject_revoked"].contains($0.code ?? "") } == true)
        let password = answers[0].status == 204 ? Self.new : "the other secret"
        let winner = answers[0].status == 204 ? one : two
        #expect(isAlive(winner) && login(password) == 200)
        let waiting = world.start(ask(winner, password, "a third secret"))
        #expect(world.send(Ask("POST", "/logout").bearer(winner.access)).status == 204)
        let last = waiting()
        #expect([204, 401].contains(last.status), "\(last.text)")
        #expect(login(last.status == 204 ? "a third secret" : password) == 200)
    }

    @Test func `a login with the old password that is under way does not outlive the change`() {
        let pair = world.pair()
        let waiting = world.start(World.login())
        #expect([204, 503].contains(world.send(ask(pair)).status))
        let late = waiting()
        guard late.status == 200, login(Self.new) == 200 else { return }
        #expect(!isAlive(World.Pair(late)))
    }

    @Test func `an authenticated client names the address of its user`() throws {
        let world = try World(source: .init(failureCountMax: 2, refillMilliseconds: 30_000))
        let pair = world.pair()
        let form: KeyValuePairs = [
            "current_password": "wrong horse", "new_password": Self.new, "client_id": "shop",
            "client_secret": World.secret, "source": "192.0.2.9",
        ]
        let guess = Ask("POST", "/password").bearer(pair.access).form(form)
        #expect(world.send(guess).code == "password_wrong" && world.send(guess).code == "password_wrong")
        #expect(world.send(guess).code == "too_many_attempts")
        #expect(world.send(ask(pair)).status == 204)
    }

    @Test func `a device has failures of its own, and guesses by others do not stop its change`() {
        let pair = World.Pair(
            world.send(
                Ask("POST", "/login").form(["username": "alice", "password": World.password, "device": "phone"])))
        let device =
            world.send(
                Ask("POST", "/login").form(["username": "alice", "password": World.password, "device": "phone"])
            ).string("device_token") ?? ""
        func change(_ current: String, _ token: String?, from peer: PeerAddress = .ipv4(0xcb00_7101)) -> Answer {
            let member = token.map { #","device_token":"\#($0)""# } ?? ""
            return world.send(
                Ask("POST", "/password").bearer(pair.access).from(peer).json(
                    #"{"current_password":"\#(current)","new_password":"\#(Self.new)"\#(member)}"#))
        }
        // Guesses from elsewhere use up the account.
        for _ in 0..<4 { _ = world.send(World.login(password: "guess").from(.ipv4(0xcb00_7102))) }
        #expect(change(World.password, nil).status == 429)
        #expect(change(World.password, "x").status == 429)
        #expect(change(World.password, pair.refresh).status == 429)
        // Its own wrong passwords count for the device.
        #expect(change("wrong", device).status == 403 && change("wrong", device).status == 403)
        #expect(change(World.password, device).status == 204)
        #expect(login(Self.new) == 200)
        // A new password ends the tokens of the devices.
        #expect(change("wrong", device).status == 429)
    }

    @Test func `the device of another user is ignored`() {
        let pair = world.pair()
        let bobs =
            world.send(
                Ask("POST", "/login").form(["username": "bob", "password": World.password, "device": "phone"])
            ).string("device_token") ?? ""
        for _ in 0..<4 { _ = world.send(World.login(password: "guess").from(.ipv4(0xcb00_7102))) }
        let answer = world.send(
            Ask("POST", "/password").bearer(pair.access).from(.ipv4(0xcb00_7101)).form([
                "current_password": World.password, "new_password": Self.new, "device_token": bobs,
            ]))
        #expect(answer.status == 429)
    }

    @Test func `new passwords that break rules do not count as guesses`() {
        let pair = world.pair()
        for _ in 0..<8 { #expect(world.send(ask(pair, World.password, "short")).code == "password_unfit") }
        #expect(world.send(ask(pair)).status == 204)
    }
}
