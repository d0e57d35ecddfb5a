import Accounts
import Dispatch
import Keys
import Platform
import Revocation
@testable import Service
import Testing
import Tokens

@Suite("Ending sessions, without HTTP")
struct EndSessionsTests {
    let office: Office

    init() throws {
        office = try Office(
            users: UserDirectory().adding(Office.user("alice")).adding(Office.user("bob", 2)),
            clients: ClientDirectory())
    }

    private func pair(_ name: String = "alice") throws -> TokenPair { try office.login(office.attempt(name)) }

    private func end(_ session: LogoutSession, _ reach: LogoutReach) throws(LogoutFailure) {
        try office.durably { (done) throws(LogoutFailure) in
            try EndSessions(office.context).end(session, reach, done: done)
        }
    }

    private func session(access token: [UInt8]) throws(LogoutFailure) -> LogoutSession {
        office.context.applyChanges()
        return try EndSessions(office.context).session(ofAccess: token.span, at: office.wall.value)
    }

    private func session(refresh token: [UInt8], _ reach: LogoutReach) throws(LogoutFailure) -> LogoutSession {
        office.context.applyChanges()
        return try EndSessions(office.context).session(ofRefresh: token.span, for: reach, at: office.wall.value)
    }

    @Test(arguments: LogoutReach.allCases)
    func `ends the sessions within reach and no other`(_ reach: LogoutReach) throws {
        let (one, other, bob) = (try pair(), try pair(), try pair("bob"))
        try end(try session(access: one.accessToken), reach)
        let (this, others): (Denial?, Denial?) =
            switch reach {
            case .local: (.session, nil)
            case .others: (nil, .subject)
            case .global: (.subject, .subject)
            }
        #expect(office.rejection(one.accessToken) == this.map { .revoked($0) })
        #expect(office.rejection(other.accessToken) == others.map { .revoked($0) })
        #expect(office.rejection(bob.accessToken) == nil)
    }

    @Test func `both tokens of a session name it`() throws {
        let pair = try pair()
        let ofAccess = try session(access: pair.accessToken)
        let ofRefresh = try session(refresh: pair.refreshToken, .local)
        #expect(ofAccess.sid == pair.sid && ofRefresh.sid == pair.sid && ofAccess.subject == ofRefresh.subject)
        #expect(
            ofAccess.sessionEnd == nil && ofRefresh.sessionEnd == Office.start.adding(milliseconds: 90 * 86_400_000))
    }

    @Test func `a refresh token of an ended session ends that session again, and no other`() throws {
        let pair = try pair()
        try end(try session(refresh: pair.refreshToken, .local), .local)
        try end(try session(refresh: pair.refreshToken, .local), .local)
        for reach in [LogoutReach.others, .global] {
            #expect(throws: LogoutFailure.refresh(.revoked(.session))) {
                try session(refresh: pair.refreshToken, reach)
            }
        }
        #expect(throws: LogoutFailure.access(.revoked(.session))) { try session(access: pair.accessToken) }
    }

    @Test func `a session that ends during the request ends no others`() throws {
        let (one, other) = (try pair(), try pair())
        let session = try session(access: one.accessToken)
        office.revoke(.session(one.sid))
        #expect(throws: LogoutFailure.ended(.session)) { try end(session, .global) }
        #expect(office.rejection(other.accessToken) == nil)
    }

    @Test func `a token that proves nothing ends nothing`() throws {
        let pair = try pair()
        office.authState.users.replace(with: try office.authState.users.current.removing("alice"))
        #expect(throws: LogoutFailure.refresh(.accountEnded)) { try session(refresh: pair.refreshToken, .local) }
        #expect(throws: LogoutFailure.access(.accountEnded)) { try session(access: pair.accessToken) }
        office.wall.change { $0 = $0.adding(milliseconds: 90 * 86_400_000) }
        #expect(throws: LogoutFailure.refresh(.rejected(.expired))) { try session(refresh: pair.refreshToken, .local) }
    }

    @Test func `a token that was made with a shared secret outside the server ends no session`() throws {
        let shared = try Key.generate(.hs256, purpose: .access, createdAt: Office.start)
        let office = try Office(
            keys: Office.keys() + [shared], audiences: ["api", "legacy"], shared: ["legacy"],
            users: UserDirectory().adding(Office.user("alice")), clients: ClientDirectory())
        let sid = try office.login(office.attempt("alice")).sid
        for (claims, failure) in [
            (["sid": "\"\(sid)\""], LogoutFailure.notIssuedHere), ([:], .sessionUnclear),
        ] {
            let token = try office.forged(claims.merging(["aud": #""legacy""#]) { $1 }, shared)
            #expect(throws: failure) {
                try EndSessions(office.context).session(ofAccess: token.span, at: office.wall.value)
            }
        }
    }
}
