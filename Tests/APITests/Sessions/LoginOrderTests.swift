import Accounts
import Dispatch
import Foundation
import HTTP
import Keys
import Platform
import Service
import Testing

@testable import API

/// A login that fails has ended and recorded nothing.
@Suite("The order of the steps of a login")
struct LoginOrderTests {
    let world: World

    init() throws { world = try World { $0.sessionList = SessionListSettings(perUser: 1) } }

    /// Keeps the hashing thread busy until the result is called.
    private func holdHashing(of world: World) -> () -> Void {
        let (started, end) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
        #expect(
            world.authState.hashing.submit {
                started.signal()
                end.wait()
            })
        started.wait()
        return { end.signal() }
    }

    private func entries(_ jar: Jar) -> Int {
        let answer = world.send(Ask("GET", "/sessions").bearer(jar.value("access")))
        return (answer.json["sessions"] as? [Any])?.count ?? -1
    }

    private func isUntouched(_ jar: Jar) -> Bool {
        world.verify(jar.value("access")).status == 200 && entries(jar) == 1
            && world.send(Ask("POST", "/refresh").sameOrigin.cookies(jar.atRefresh)).status == 200
            && world.log.events("session_displaced").isEmpty && world.log.events("login_succeeded").count == 1
    }

    @Test func `tokens that do not fit into cookies`() throws {
        let jar = world.jar()
        let seq = world.authState.revocations.sequence
        let users = world.authState.users.current
        try world.outgrowCookie(jar.value("access"))
        let answer = world.send(World.cookieLogin().cookies(jar.atRoot))
        #expect(answer.status == 500 && Jar(answer).lines.isEmpty)
        #expect(world.authState.revocations.sequence == seq)
        world.authState.users.replace(with: users)
        #expect(isUntouched(jar))
    }

    @Test func `a key that is lost while the password is hashed`() throws {
        let jar = world.jar()
        let seq = world.authState.revocations.sequence
        let release = holdHashing(of: world)
        let answer = world.start(World.cookieLogin().cookies(jar.atRoot))
        let keyring = world.authState.keyring.current
        try world.loseSigner()
        release()
        let refused = answer()
        #expect(refused.status == 503 && refused.code == "signing_unavailable" && Jar(refused).lines.isEmpty)
        #expect(world.authState.revocations.sequence == seq)
        world.authState.keyring.replace(with: keyring)
        #expect(isUntouched(jar))
    }

    @Test func `a journal that fails while the password is hashed`() throws {
        let jar = world.jar()
        let release = holdHashing(of: world)
        let answer = world.start(World.cookieLogin().cookies(jar.atRoot))
        world.journal.breakDown()
        release()
        let refused = answer()
        #expect(refused.status == 503 && refused.code == "journal_unavailable" && Jar(refused).lines.isEmpty)
        #expect(world.verify(jar.value("access")).status == 200 && entries(jar) == 1)
        #expect(world.log.events("session_displaced").isEmpty)
    }

    @Test func `a scope that the user does not have: the failures of the account are not forgotten`() {
        let wrong = World.login(password: "wrong")
        #expect(world.send(wrong).status == 401 && world.send(wrong).status == 401)
        let wide = Ask("POST", "/login").form(["username": "alice", "password": World.password, "scope": "fly"])
        for _ in 0..<5 { #expect(world.send(wide).code == "scope_invalid") }
        #expect(world.send(wrong).status == 401 && world.send(wrong).status == 429)
    }

    @Test func `failures are not forgotten for tokens that do not fit`() throws {
        let jar = world.jar()
        let wrong = World.login(password: "wrong").from(World.near)
        // Known from here by now, with failures of its own.
        #expect(world.send(wrong).status == 401 && world.send(wrong).status == 401)
        try world.outgrowCookie(jar.value("access"))
        for _ in 0..<5 { #expect(world.send(World.cookieLogin()).status == 500) }
        #expect(world.send(wrong).status == 401 && world.send(wrong).status == 429)
    }

    @Test func `a login that succeeds ends the replaced session with its own record`() {
        let jar = world.jar()
        let next = Jar(world.send(World.cookieLogin().cookies(jar.atRoot)))
        #expect(world.verify(jar.value("access")).code == "session_revoked" && entries(next) == 1)
        // The replaced session was not one too many.
        #expect(world.log.events("session_displaced").isEmpty)
        let other = world.jar()
        #expect(world.verify(next.value("access")).code == "session_revoked" && entries(other) == 1)
        #expect(world.log.events("session_displaced").count == 1)
    }

    @Test func `without a list of sessions, the same`() throws {
        let world = try World()
        let jar = world.jar()
        let release = holdHashing(of: world)
        let answer = world.start(World.cookieLogin().cookies(jar.atRoot))
        let keyring = world.authState.keyring.current
        try world.loseSigner()
        release()
        #expect(answer().status == 503)
        world.authState.keyring.replace(with: keyring)
        #expect(world.verify(jar.value("access")).status == 200)
        #expect(world.send(World.cookieLogin().cookies(jar.atRoot)).status == 200)
        #expect(world.verify(jar.value("access")).code == "session_revoked")
    }

    /// A revocation that could not be recorded applies in memory, so the answer must not say that nothing was changed.
    @Test func `an answer about the journal says what has happened`() throws {
        let (jar, pair, other) = (world.jar(), World.Pair(world.send(World.login("bob"))), world.pair("wendy"))
        world.journal.breakDown()
        let details = [
            world.send(Ask("POST", "/logout").bearer(pair.access)), world.order("{\"sid\":\"\(other.sid)\"}"),
            world.revoke(jar.value("access")),
        ].map { answer in
            #expect(answer.status == 503 && answer.code == "journal_unavailable" && !answer.text.contains("othing"))
            return answer.string("detail")
        }
        let applies =
            "The revocation applies now. It is lost if the service stops before the journal can be written again."
        #expect(details == [applies, applies, applies])
        #expect(world.verify(pair.access).code == "session_revoked")
        let login = world.send(World.login())
        #expect(login.code == "journal_unavailable" && login.string("detail") == "Nothing was changed.")
    }
}
